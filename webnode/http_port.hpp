// The port that all workers of a web node listen on together (SO_REUSEPORT: the kernel deals new
// connections out to them).
#pragma once

#include "topology/endpoint.hpp"
#include "topology/result.hpp"
#include "topology/unique_fd.hpp"

#include <string>

namespace zcomet {

/// A socket that holds the port without listening on it, so that the port is known, and the web
/// node's own, before its first worker listens.
struct ReservedPort {
    UniqueFd socket;
    HostPort address; ///< as asked for, but with the port that the system chose
};

/// Reserves a port for this web node.
/// @param address  a host that resolves to an address of this machine; port 0: any free port.
/// Errors: the host does not resolve, the port is taken (by a listener of whatever kind, or by
/// another web node that still waits for its broker), no permission.
[[nodiscard]] Result<ReservedPort> reserve_port(const HostPort& address);

/// Whether nobody listens at the address, so far as this machine can tell.
[[nodiscard]] bool port_is_free(const HostPort& address);

/// A listening socket on a reserved port, non-blocking. What it sets is inherited by the
/// connections: no delay for small chunks, and the search for browsers that vanished without a
/// word.
[[nodiscard]] Result<UniqueFd> open_listener(const HostPort& address);

} // namespace zcomet
