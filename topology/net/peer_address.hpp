// The address of the other end of a connection, as text and as a number: for logs, and to tell
// hosts apart.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace zcomet::net {

/// "192.0.2.1:40000" or "[2001:db8::1]:40000". An IPv4 address in IPv6 form (RFC 4291, 2.5.5.2) is
/// written as IPv4.
/// @return "-" for any other kind of address.
[[nodiscard]] std::string address_text(const sockaddr_storage& address);

/// The same for the other end of a socket; "-" if it is not connected any more.
[[nodiscard]] std::string peer_text(int fd);

/// What distinguishes one host from another: an IPv4 address, or the first 64 bits of an IPv6
/// address, since one host has all of the rest.
/// @return the same number for all connections of a host; nothing for any other kind of address.
[[nodiscard]] std::optional<std::uint64_t> host_key(const sockaddr_storage& address);

} // namespace zcomet::net
