// For whom the connections of proxies are. A proxy that the operator trusts says so: in a PROXY
// header in front of all other bytes, or in each request. Its clients' addresses then count and are
// logged, and not its own.
#pragma once

#include "topology/net/ip_address.hpp"
#include "topology/net/proxy_header.hpp"
#include "topology/store/slab.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::connection {

/// Why a client is refused.
inline constexpr std::string_view kAddressFullWords = "too many connections come from this address";

/// Whose word is taken.
struct Proxies {
    std::vector<net::AddressRange> trusted;
    /// Whether each connection from there begins with a PROXY header (net/proxy_header.hpp).
    bool speak_proxy_protocol = false;
};

/// Connections are known by their descriptors. Costs nothing but a look at a number for those that
/// are of no proxy, and memory only once there are others: 20 bytes for each descriptor.
/// Thread: the worker's loop only.
class Clients {
  public:
    explicit Clients(Proxies proxies = {}) : proxies_(std::move(proxies)) {}
    /// From now on, for new connections.
    void use(Proxies proxies) { proxies_ = std::move(proxies); }
    [[nodiscard]] const std::vector<net::AddressRange>& trusted() const { return proxies_.trusted; }

    /// A connection was accepted.   @return whether it is that of a proxy.
    [[nodiscard]] bool begin(int fd, const sockaddr_storage& peer);
    /// It is closed, or about to be.
    void end(int fd);

    /// Whether the PROXY header of the connection is still to come.
    [[nodiscard]] bool awaits_header(int fd) const { return has(fd, kAwaitsHeader); }
    /// It has come.
    void take_header(int fd, const std::optional<net::ProxyHeader::Client>& client);

    /// Whether a proxy is at the other end, so that each request says whom it is for.
    [[nodiscard]] bool is_of_proxy(int fd) const { return has(fd, kIsOfProxy); }
    /// The client of such a connection; nothing: the proxy itself.
    void set_client(int fd, const std::optional<net::IpAddress>& client);

    /// Who is at the other end, for a log: an address, with a port where that is known.
    [[nodiscard]] std::string text(int fd) const;

  private:
    static constexpr std::uint8_t kIsOfProxy = 1;
    static constexpr std::uint8_t kAwaitsHeader = 2;
    static constexpr std::uint8_t kHasClient = 4;
    struct Entry {
        net::IpAddress client;
        std::uint16_t port = 0; // 0: not known
        std::uint8_t marks = 0;
    };

    [[nodiscard]] bool has(int fd, std::uint8_t mark) const {
        const auto index = static_cast<std::uint32_t>(fd);
        return index < bound_ && (entries_[index].marks & mark) != 0;
    }
    [[nodiscard]] bool is_trusted(const net::IpAddress& address) const;

    Proxies proxies_;
    store::ChunkedArray<Entry> entries_; // by descriptor
    std::uint32_t bound_ = 0;            // descriptors below this have an entry
};

} // namespace zcomet::webnode::connection
