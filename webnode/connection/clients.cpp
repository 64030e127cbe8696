#include "webnode/connection/clients.hpp"

#include "topology/net/peer_address.hpp"

#include <algorithm>

namespace zcomet::webnode::connection {

bool Clients::begin(int fd, const sockaddr_storage& peer) {
    if (proxies_.trusted.empty()) {
        return false;
    }
    const auto address = net::ip_address_of(peer);
    if (!address || !is_trusted(*address)) {
        return false;
    }
    const auto index = static_cast<std::uint32_t>(fd);
    if (index >= bound_) {
        bound_ = index + 1;
        entries_.grow(bound_, {});
    }
    entries_[index] = {};
    entries_[index].marks = proxies_.speak_proxy_protocol ? kIsOfProxy | kAwaitsHeader : kIsOfProxy;
    return true;
}

void Clients::end(int fd) {
    if (static_cast<std::uint32_t>(fd) < bound_) {
        entries_[static_cast<std::uint32_t>(fd)].marks = 0;
    }
}

void Clients::take_header(int fd, const std::optional<net::ProxyHeader::Client>& client) {
    Entry& entry = entries_[static_cast<std::uint32_t>(fd)];
    entry.marks = kIsOfProxy;
    if (client) {
        entry.client = client->address;
        entry.port = client->port;
        entry.marks = is_trusted(client->address) ? kHasClient | kIsOfProxy : kHasClient;
    }
}

void Clients::set_client(int fd, const std::optional<net::IpAddress>& client) {
    Entry& entry = entries_[static_cast<std::uint32_t>(fd)];
    entry.port = 0;
    entry.marks = client ? kIsOfProxy | kHasClient : kIsOfProxy;
    entry.client = client.value_or(net::IpAddress());
}

std::string Clients::text(int fd) const {
    if (!has(fd, kHasClient)) {
        return net::peer_text(fd);
    }
    const Entry& entry = entries_[static_cast<std::uint32_t>(fd)];
    return entry.port == 0 ? net::text_of(entry.client)
                           : net::address_text(net::socket_address_of(entry.client, entry.port));
}

bool Clients::is_trusted(const net::IpAddress& address) const {
    return std::any_of(proxies_.trusted.begin(), proxies_.trusted.end(),
                       [&](const net::AddressRange& range) { return range.has(address); });
}

} // namespace zcomet::webnode::connection
