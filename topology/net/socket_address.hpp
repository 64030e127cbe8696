// Addresses as the system calls take them, and names that become such.
#pragma once

#include "topology/base/result.hpp"
#include "topology/wire/endpoint.hpp"

#include <sys/socket.h>

#include <cstdint>

namespace zcomet::net {

/// An IPv4 or IPv6 address with a port.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr* get() const;
    [[nodiscard]] int family() const { return storage.ss_family; }
};

enum class Purpose : std::uint8_t {
    kConnect,
    kListen, ///< the host "*" stands for every IPv4 address of this machine
};

/// The first address of a host.
/// Errors: it has none; they quote the host.   Thread: any; may wait for the name service.
[[nodiscard]] Result<SocketAddress> resolve(const wire::HostPort& where, Purpose purpose);

/// The port that a TCP socket is bound to.
[[nodiscard]] std::uint16_t bound_port(int fd);

} // namespace zcomet::net
