// Addresses as the system calls take them, and names that become such.
#pragma once

#include "topology/base/result.hpp"
#include "topology/net/peer_address.hpp"
#include "topology/wire/endpoint.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::net {

/// An IPv4 or IPv6 address with a port.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr* get() const;
    [[nodiscard]] int family() const { return storage.ss_family; }
    /// As address_text() (peer_address.hpp).
    [[nodiscard]] std::string text() const { return address_text(storage); }
    /// Whether only this machine reaches it: 127.0.0.0/8 or ::1, also 127.0.0.0/8 in IPv6 form.
    [[nodiscard]] bool is_loopback() const;
};

enum class Purpose : std::uint8_t {
    kConnect,
    kListen, ///< the host "*" stands for every address of this machine, IPv4 and IPv6
};

/// All addresses of a host, at least one, without repeats, in the order in which to try them
/// (RFC 6724). Those of an address in digits, and "*", are found without the name service.
/// Errors: it has none; they quote the host.   Thread: any; may wait for the name service, which
/// may take as long as resolv.conf(5) says: a loop uses a Lookup (lookup.hpp).
[[nodiscard]] Result<std::vector<SocketAddress>> resolve(const wire::HostPort& where,
                                                         Purpose purpose);

/// Whether the host is an address in digits or "*", which resolve() finds at once.
[[nodiscard]] bool is_numeric(const std::string& host);

/// Whether this kernel has IPv6 at all; it may be without (ipv6.disable=1).
[[nodiscard]] bool has_ipv6();

/// Lets a socket that will listen on every IPv6 address take IPv4 connections, too, whatever
/// net.ipv6.bindv6only says. Any other address is left as it is. @return false with errno set.
[[nodiscard]] bool take_both_families(int fd, const SocketAddress& where);

/// The port that a TCP socket is bound to.
[[nodiscard]] std::uint16_t bound_port(int fd);

} // namespace zcomet::net
