#include "topology/link/feed_hosts.hpp"

#include "topology/net/ip_address.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::link {

namespace {

bool is_loopback_host(const std::string& host) {
    static const auto loopback_4 = net::AddressRange::read("127.0.0.0/8");
    static const auto loopback_6 = net::AddressRange::read("::1");
    const auto address = net::read_ip_address(host);
    return host == "localhost" ||
           (address && (loopback_4->has(*address) || loopback_6->has(*address)));
}

} // namespace

bool is_same_host(const std::string& one, const std::string& other) {
    if (one == other || (is_loopback_host(one) && is_loopback_host(other))) {
        return true;
    }
    const auto address = net::read_ip_address(one);
    return address && address == net::read_ip_address(other);
}

FeedHosts::FeedHosts(std::string broker, std::vector<std::string> named)
    : broker_(std::move(broker)), named_(std::move(named)) {}

bool FeedHosts::has(const std::string& host, const std::string& reached) const {
    return is_same_host(host, broker_) || is_same_host(host, reached) ||
           std::any_of(named_.begin(), named_.end(),
                       [&](const std::string& one) { return is_same_host(host, one); });
}

} // namespace zcomet::link
