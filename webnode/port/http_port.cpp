// SO_REUSEPORT would let two web nodes of one user share a port without noticing, each getting half
// of the other's browsers. So the sockets differ in their options (Linux compares them at bind):
//
//     probe        SO_REUSEADDR only   fails beside any listener, and beside a reservation
//     reservation  SO_REUSEPORT only   fails beside anything but sockets of web nodes
//     listener     both                may stand beside the reservation and its fellow listeners
//
// Listeners have SO_REUSEADDR because connections inherit it: connections that linger in TIME_WAIT
// after a restart then do not hold the port.
#include "webnode/port/http_port.hpp"

#include "topology/net/door.hpp"
#include "topology/net/lookup.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace zcomet::webnode::port {

namespace {

/// Connections that the kernel holds until they are accepted; it caps this at
/// net.core.somaxconn.
/// @limit connections that wait for a worker to accept them
constexpr int kBacklog = 4096;

/// The kernel hands a connection over when its request has begun to arrive, or after a second
/// without one (our own deadline takes over then). So most streams cost one wake-up, not two.
constexpr int kDeferAcceptSeconds = 1;

void set_option(int fd, int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
}

struct Sharing {
    bool address = false;
    bool port = false;
};

/// @return a bound socket, or an invalid one with errno set.
UniqueFd bind_socket(const net::SocketAddress& where, Sharing sharing) {
    UniqueFd fd(::socket(where.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return fd;
    }
    if (sharing.address) {
        set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    }
    if (sharing.port) {
        set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (!net::take_both_families(fd.get(), where) ||
        ::bind(fd.get(), where.get(), where.size) != 0) {
        const int reason = errno;
        fd.reset();
        errno = reason;
    }
    return fd;
}

Error cannot_listen(const wire::HostPort& address, int reason) {
    if (reason == EADDRINUSE) {
        return {"cannot listen at " + address.text() +
                ": the port is in use (another web node or program listens there)"};
    }
    return {"cannot listen at " + address.text() + ": " + std::strerror(reason)};
}

int in_seconds(std::chrono::seconds duration) {
    return static_cast<int>(duration.count());
}

/// The kernel doubles the size, for its own records of the bytes, and goes beyond it by a packet.
void set_kernel_bytes(int fd, std::size_t bytes) {
    constexpr std::size_t kPacketBytes = 65'536;
    if (bytes >= kKernelBytesMin) {
        set_option(fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>((bytes - kPacketBytes) / 2));
    }
}

void set_connection_options(int fd, const KeepaliveTimes& keepalive) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (keepalive.probes) {
        set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, in_seconds(keepalive.kernel_first));
        set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, in_seconds(keepalive.retry));
    }
    // It also bounds how long a chunk may go without an acknowledgement.
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000 * in_seconds(keepalive.unanswered));
    set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferAcceptSeconds);
}

} // namespace

Result<ReservedPort> reserve_port(const wire::HostPort& address) {
    const Result<net::SocketAddress> resolved = net::listening_address(address);
    if (!resolved.ok()) {
        return resolved.error();
    }
    const net::SocketAddress& where = resolved.value();
    if (address.port != 0 && !bind_socket(where, {.address = true}).valid()) {
        return cannot_listen(address, errno);
    }
    UniqueFd fd = bind_socket(where, {.port = true});
    if (!fd.valid() && errno == EADDRINUSE) {
        // The probe passed, so connections of another program in TIME_WAIT are in the way.
        fd = bind_socket(where, {.address = true, .port = true});
    }
    if (!fd.valid()) {
        return cannot_listen(address, errno);
    }
    wire::HostPort bound = address;
    bound.port = net::bound_port(fd.get());
    return ReservedPort{std::move(fd), std::move(bound), where.is_loopback()};
}

bool port_is_free(const wire::HostPort& address) {
    const Result<net::SocketAddress> resolved = net::listening_address(address);
    return resolved.ok() && bind_socket(resolved.value(), {.address = true}).valid();
}

Result<UniqueFd> open_listener(const wire::HostPort& address, const ConnectionOptions& options) {
    const Result<net::SocketAddress> resolved = net::listening_address(address);
    if (!resolved.ok()) {
        return resolved.error();
    }
    UniqueFd fd = bind_socket(resolved.value(), {.address = true, .port = true});
    if (!fd.valid()) {
        return cannot_listen(address, errno);
    }
    set_connection_options(fd.get(), options.keepalive);
    set_kernel_bytes(fd.get(), options.kernel_bytes);
    if (::listen(fd.get(), kBacklog) != 0) {
        return cannot_listen(address, errno);
    }
    return fd;
}

// Linux counts TCP_KEEPIDLE from the last acknowledgement, and sets the timer anew when it is set.
void probe_if_quiet(int connection, const KeepaliveTimes& keepalive) {
    set_option(connection, IPPROTO_TCP, TCP_KEEPIDLE, in_seconds(keepalive.quiet));
}

void settle_keepalive(int connection, const KeepaliveTimes& keepalive) {
    set_option(connection, IPPROTO_TCP, TCP_KEEPIDLE, in_seconds(keepalive.kernel_first));
}

void turn_away(int listener) {
    net::turn_away(listener);
}

void forget_turning_away(int connection) {
    net::let_in(connection);
}

void leave_group(int listener) {
    ::shutdown(listener, SHUT_RD);
}

Status join_group(int listener) {
    forget_turning_away(listener);
    if (::listen(listener, kBacklog) != 0) {
        return Error{std::string("cannot listen again: ") + std::strerror(errno)};
    }
    return Done{};
}

} // namespace zcomet::webnode::port
