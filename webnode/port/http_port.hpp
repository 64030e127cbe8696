// The port that all workers of a web node listen on together (SO_REUSEPORT: the kernel deals new
// connections out to them).
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/wire/endpoint.hpp"
#include "webnode/port/keepalive.hpp"

#include <cstddef>

namespace zcomet::webnode::port {

/// A socket that holds the port without listening on it. So the port is known, and belongs to the
/// web node, before its first worker listens.
struct ReservedPort {
    UniqueFd socket;
    wire::HostPort address;   ///< as asked for, but with the port that the system chose
    bool is_loopback = false; ///< whether only this machine reaches it
};

/// Reserves a port for this web node.
/// @param address  a host that resolves to an address of this machine; port 0: any free port.
/// Errors: the host does not resolve; the port is taken (by any listener, or by another web node
/// that still waits for its broker); no permission.
[[nodiscard]] Result<ReservedPort> reserve_port(const wire::HostPort& address);

/// Whether no program listens at the address, as far as this machine can tell.
[[nodiscard]] bool port_is_free(const wire::HostPort& address);

/// What all connections of a listener inherit from it.
struct ConnectionOptions {
    KeepaliveTimes keepalive; ///< the search for browsers that vanished without a word
    /// Kernel memory for bytes that the browser has not read, at most; 0: as the system decides,
    /// which is some megabytes (net.ipv4.tcp_wmem). kKernelBytesMin at least.
    std::size_t kernel_bytes = 0;
    /// Whether it speaks TLS, so that words without it mean nothing to a client.
    bool speaks_tls = false;
};
inline constexpr std::size_t kKernelBytesMin = 128U << 10U;

/// A listening socket on a reserved port, non-blocking. Connections inherit its options, and do not
/// delay small chunks.
[[nodiscard]] Result<UniqueFd> open_listener(const wire::HostPort& address,
                                             const ConnectionOptions& options);

/// Has the kernel probe the connection as soon as it has been quiet for `keepalive.quiet`, which
/// may be at once. Call settle_keepalive() before that could happen twice.
void probe_if_quiet(int connection, const KeepaliveTimes& keepalive);

/// Leaves the connection to the kernel again. The kernel repeats a probe that is not answered.
void settle_keepalive(int connection, const KeepaliveTimes& keepalive);

/// The first step out of the group: no further connection begins at this listener. A handshake
/// under way completes and waits to be accepted. A new client's SYN goes unanswered; TCP repeats it
/// after a second, and gets another listener if this one has left by then.
void turn_away(int listener);

/// For a connection that was accepted from a listener that turns away: it inherited the filter.
void forget_turning_away(int connection);

/// The last step: the listener leaves the group, and keeps its address. Connections that still wait
/// in its queue are reset; where net.ipv4.tcp_migrate_req is 1, they go to the other listeners.
void leave_group(int listener);

/// Listens again. Errors: the kernel has no memory.
[[nodiscard]] Status join_group(int listener);

} // namespace zcomet::webnode::port
