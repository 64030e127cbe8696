// What the sockets of a program have in common: ZeroMQ's threads, how links are secured, limits.
#pragma once

#include "topology/link/security.hpp"
#include "topology/wire/frames.hpp"

#include <zmq.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace zcomet::link {

/// Limits that each socket gets when it is made.
struct SocketLimits {
    /// ZeroMQ's own threads. One carries more than any of our loops can give it.
    int io_threads = 1;
    int sockets_max = ZMQ_MAX_SOCKETS_DFLT;
    /// ZeroMQ ends a connection on which a larger frame arrives.
    std::int64_t frame_bytes_max = wire::kFrameBytesMax;
    /// How long closing a socket may take to pass on what is queued, unless ZmqSocket::linger()
    /// says otherwise.
    std::chrono::milliseconds linger{0};
    /// ZeroMQ's own pings find a dead link (a pulled cable, a host that lost power), so that it
    /// reconnects and resubscribes by itself. TCP alone would take many minutes.
    std::chrono::milliseconds ping_interval{1000};
    /// A link that is silent for this long is given up.
    std::chrono::milliseconds silence_max{3000};
};

/// Made before the first socket of a program and destroyed after the last one: its destructor waits
/// for them.
///
/// Thread: any; each socket made with it belongs to one thread.
class LinkContext {
  public:
    explicit LinkContext(Security security = {}, const SocketLimits& limits = {})
        : security_(std::move(security)), limits_(limits),
          zmq_(std::make_shared<zmq::context_t>(limits.io_threads, limits.sockets_max)) {}
    /// With the threads of another one, for links that have keys of their own. libzmq 4.3.4 may
    /// crash when a process with keys has several contexts and closes one.
    LinkContext(Security security, const LinkContext& other)
        : security_(std::move(security)), limits_(other.limits_), zmq_(other.zmq_) {}
    LinkContext(const LinkContext&) = delete;
    LinkContext& operator=(const LinkContext&) = delete;

    [[nodiscard]] const Security& security() const { return security_; }
    [[nodiscard]] const SocketLimits& limits() const { return limits_; }
    [[nodiscard]] zmq::context_t& zmq() { return *zmq_; }

  private:
    Security security_;
    SocketLimits limits_;
    std::shared_ptr<zmq::context_t> zmq_;
};

} // namespace zcomet::link
