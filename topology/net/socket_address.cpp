#include "topology/net/socket_address.hpp"

#include "topology/base/text.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <string>

namespace zcomet::net {

const sockaddr* SocketAddress::get() const {
    // The cast that the sockets interface is made of.
    return reinterpret_cast<const sockaddr*>(&storage); // NOLINT(*-reinterpret-cast)
}

Result<SocketAddress> resolve(const wire::HostPort& where, Purpose purpose) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (purpose == Purpose::kListen ? AI_PASSIVE : 0);
    const bool everywhere = purpose == Purpose::kListen && where.host == "*";
    const std::string host = everywhere ? "0.0.0.0" : where.host;
    addrinfo* found = nullptr;
    const int failure =
        ::getaddrinfo(host.c_str(), std::to_string(where.port).c_str(), &hints, &found);
    if (failure != 0) {
        return Error{"cannot resolve " + in_quotes(where.host) + ": " + ::gai_strerror(failure)};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    SocketAddress address;
    address.size = found->ai_addrlen;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    return address;
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
