#include "topology/net/socket_address.hpp"

#include "topology/base/text.hpp"
#include "topology/base/unique_fd.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace zcomet::net {

namespace {

/// The addresses that getaddrinfo(3) finds, in its order, each once.
Result<std::vector<SocketAddress>> ask(const std::string& host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failure != 0) {
        const std::string why = failure == EAI_SYSTEM ? std::generic_category().message(errno)
                                                      : ::gai_strerror(failure);
        return Error{"cannot resolve " + in_quotes(host) + ": " + why};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    std::vector<SocketAddress> addresses;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        SocketAddress address;
        address.size = entry->ai_addrlen;
        std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
        const auto is_same = [&](const SocketAddress& other) {
            return other.size == address.size &&
                   std::memcmp(&other.storage, &address.storage, address.size) == 0;
        };
        if (std::none_of(addresses.begin(), addresses.end(), is_same)) {
            addresses.push_back(address);
        }
    }
    return addresses;
}

} // namespace

const sockaddr* SocketAddress::get() const {
    // The cast that the sockets interface is made of.
    return reinterpret_cast<const sockaddr*>(&storage); // NOLINT(*-reinterpret-cast)
}

bool SocketAddress::is_loopback() const {
    constexpr std::uint32_t kNetBits = 24;
    constexpr std::uint32_t kLoopbackNet = 127;
    if (family() == AF_INET6) {
        sockaddr_in6 six{};
        std::memcpy(&six, &storage, sizeof six);
        return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) && six.sin6_addr.s6_addr[12] == kLoopbackNet);
    }
    sockaddr_in four{};
    std::memcpy(&four, &storage, sizeof four);
    return family() == AF_INET && ntohl(four.sin_addr.s_addr) >> kNetBits == kLoopbackNet;
}

bool is_numeric(const std::string& host) {
    return host == "*" || ask(host, 0, AI_NUMERICHOST).ok();
}

Result<std::vector<SocketAddress>> resolve(const wire::HostPort& where, Purpose purpose) {
    if (purpose == Purpose::kListen && where.host == "*") {
        return ask(has_ipv6() ? "::" : "0.0.0.0", where.port, AI_NUMERICHOST);
    }
    return ask(where.host, where.port, purpose == Purpose::kListen ? AI_PASSIVE : 0);
}

bool has_ipv6() {
    return UniqueFd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)).valid();
}

bool take_both_families(int fd, const SocketAddress& where) {
    sockaddr_in6 six{};
    std::memcpy(&six, &where.storage, sizeof six);
    if (where.family() != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr)) {
        return true;
    }
    const int no = 0;
    return ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0;
}

std::uint16_t bound_port(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
    const in_port_t port = storage.ss_family == AF_INET6
                               ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                               : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port;
    return ntohs(port);
}

} // namespace zcomet::net
