#include "topology/net/peer_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

namespace zcomet::net {

namespace {

/// Beyond every /64 of a host: addresses of multicast, which no connection comes from.
constexpr std::uint64_t kIpv4Keys = 0xFFFF'FFFF'0000'0000;

/// An IPv4 address in network byte order, whether it came in IPv4 or in IPv6 form.
std::optional<in_addr> ipv4_of(const sockaddr_storage& address) {
    in_addr ipv4{};
    if (address.ss_family == AF_INET) {
        sockaddr_in whole{};
        std::memcpy(&whole, &address, sizeof whole);
        return whole.sin_addr;
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 whole{};
        std::memcpy(&whole, &address, sizeof whole);
        if (IN6_IS_ADDR_V4MAPPED(&whole.sin6_addr)) {
            constexpr std::size_t kBefore = 12;
            std::memcpy(&ipv4, whole.sin6_addr.s6_addr + kBefore, sizeof ipv4);
            return ipv4;
        }
    }
    return std::nullopt;
}

} // namespace

std::string address_text(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6) {
        return "-";
    }
    sockaddr_in6 whole{}; // the port is at the same place in both kinds
    std::memcpy(&whole, &address, sizeof whole);
    const std::string port = ":" + std::to_string(ntohs(whole.sin6_port));
    if (const auto ipv4 = ipv4_of(address)) {
        return ::inet_ntop(AF_INET, &*ipv4, text.data(), text.size()) + port;
    }
    std::string digits = ::inet_ntop(AF_INET6, &whole.sin6_addr, text.data(), text.size());
    if (whole.sin6_scope_id != 0) { // a link-local address means nothing without its interface
        digits.append("%").append(std::to_string(whole.sin6_scope_id));
    }
    return '[' + digits + ']' + port;
}

std::string peer_text(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const bool is_connected =
        ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0; // NOLINT(*-cast)
    return is_connected ? address_text(address) : "-";
}

std::optional<std::uint64_t> host_key(const sockaddr_storage& address) {
    if (const auto ipv4 = ipv4_of(address)) {
        return kIpv4Keys | ipv4->s_addr;
    }
    if (address.ss_family != AF_INET6) {
        return std::nullopt;
    }
    sockaddr_in6 whole{};
    std::memcpy(&whole, &address, sizeof whole);
    std::uint64_t network = 0;
    for (std::size_t i = 0; i < sizeof network; ++i) {
        network = network << 8U | whole.sin6_addr.s6_addr[i];
    }
    return network;
}

} // namespace zcomet::net
