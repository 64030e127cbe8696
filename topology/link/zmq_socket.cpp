#include "topology/link/zmq_socket.hpp"

#include "topology/base/check.hpp"
#include "topology/net/lookup.hpp"
#include "topology/wire/endpoint.hpp"

#include <net/if.h>

#include <cerrno>
#include <memory>
#include <new>
#include <utility>

namespace zcomet::link {

namespace {

// For peers that vanish before their first ping, or never send one: found within a minute.
constexpr int kKeepaliveIdleS = 30;
constexpr int kKeepaliveIntervalS = 10;
constexpr int kKeepaliveProbes = 3;
// The first retries come soon, since a broker restarts in well under a second; then they thin out,
// so that a large fleet does not hammer a host that is down.
constexpr int kReconnectMs = 100;
constexpr int kReconnectMaxMs = 1000;
constexpr int kHandshakeMs = 5000;
/// @limit connections that wait for the broker to accept them
constexpr int kBacklog = 1024;
/// Frames that a ROUTER takes in from one peer before TCP holds the peer back. A frame may have a
/// megabyte, and ZeroMQ has no bound in bytes, nor one in sum: only that each turn receives what
/// has come, and puts long frames aside unread (Backlog), keeps this far below a megabyte for each.
/// With few frames the two threads wait for each
/// other: with 16, messages that come alone take 4.8 s of the broker's CPU a million, with 64
/// 1.8 s, with 256 0.8 s, without a bound 0.7 s.
/// @limit frames of a peer that wait for the broker to receive them
constexpr int kRouterReceiveFrames = 256;
/// Frames that a ROUTER keeps for one peer that does not read its answers. The broker bounds their
/// bytes (broker/shell/replies.hpp).
/// @limit answers that wait for a peer to read them
constexpr int kRouterSendFrames = 10'000;
/// Bytes that an XPUB takes in one frame: a topic has eight bytes, and the handshake some forty.
/// libzmq keeps a record for each byte of a topic; one of a megabyte would stop us for seconds.
constexpr std::int64_t kSubscriptionBytesMax = 1024;
/// An IPv6 address stands in brackets; ZeroMQ takes one only with this option, and binds "*" to
/// both families with it.
void allow_address_family(zmq::socket_t& socket, const std::string& endpoint) {
    const bool is_ipv6 = endpoint.find('[') != std::string::npos;
    const bool is_everywhere = endpoint.find("//*:") != std::string::npos;
    if (is_ipv6 || (is_everywhere && net::has_ipv6())) {
        socket.set(zmq::sockopt::ipv6, true);
    }
}

/// What ZeroMQ can bind to: an address in digits, or the name of an interface.
Result<std::string> in_digits(const std::string& endpoint) {
    const Result<wire::HostPort> parsed = wire::parse_tcp_endpoint(endpoint);
    if (!parsed.ok()) {
        return parsed.error();
    }
    const wire::HostPort& host = parsed.value();
    if (net::is_numeric(host.host) || ::if_nametoindex(host.host.c_str()) != 0) {
        return endpoint;
    }
    const auto address = net::listening_address(host);
    if (!address.ok()) {
        return address.error();
    }
    const std::string digits = address.value().text();
    return "tcp://" + (host.port == 0 ? digits.substr(0, digits.rfind(':')) + ":*" : digits);
}

std::string why(const zmq::error_t& error) {
    return error.what();
}

/// Calls a function of ZeroMQ again if a signal's handler has interrupted it. ZeroMQ reports that
/// before it has done anything.
template <typename Call> void until_not_interrupted(Call&& call) {
    for (;;) {
        try {
            call();
            return;
        } catch (const zmq::error_t& error) {
            if (error.num() != EINTR) {
                throw;
            }
        }
    }
}

/// A message, where the only error of ZeroMQ is that there is no memory.
template <typename... Parts> zmq::message_t make_message(Parts&&... parts) {
    try {
        return zmq::message_t(std::forward<Parts>(parts)...);
    } catch (const zmq::error_t&) {
        throw std::bad_alloc();
    }
}

Security::End end_of(zmq::socket_type type) {
    const bool is_broker = type == zmq::socket_type::router || type == zmq::socket_type::xpub;
    return is_broker ? Security::End::kBroker : Security::End::kPeer;
}

int in_ms(std::chrono::milliseconds time) {
    return static_cast<int>(time.count());
}

void set_limits(zmq::socket_t& socket, zmq::socket_type type, const SocketLimits& limits) {
    socket.set(zmq::sockopt::linger, in_ms(limits.linger));
    socket.set(zmq::sockopt::maxmsgsize, limits.frame_bytes_max);
    // A ROUTER only answers pings, and ends a connection whose pings stop (heartbeat_ttl). It sends
    // none, because of a bug in libzmq 4.3.4: an assertion ends the process when a socket is to
    // ping a failed connection over which more frames had come than a socket with a high-water mark
    // takes in (stream_engine_base.cpp, out_event).
    if (type != zmq::socket_type::router) {
        socket.set(zmq::sockopt::heartbeat_ivl, in_ms(limits.ping_interval));
        socket.set(zmq::sockopt::heartbeat_timeout, in_ms(limits.silence_max));
        socket.set(zmq::sockopt::heartbeat_ttl, in_ms(limits.silence_max));
    }
}

void set_connection_options(zmq::socket_t& socket) {
    socket.set(zmq::sockopt::handshake_ivl, kHandshakeMs);
    socket.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
    socket.set(zmq::sockopt::reconnect_ivl_max, kReconnectMaxMs);
    socket.set(zmq::sockopt::backlog, kBacklog);
    socket.set(zmq::sockopt::tcp_keepalive, 1);
    socket.set(zmq::sockopt::tcp_keepalive_idle, kKeepaliveIdleS);
    socket.set(zmq::sockopt::tcp_keepalive_intvl, kKeepaliveIntervalS);
    socket.set(zmq::sockopt::tcp_keepalive_cnt, kKeepaliveProbes);
}

void set_queue_options(zmq::socket_t& socket, zmq::socket_type type) {
    // Windows of the protocol bound what honest nodes and senders have under way. A high-water mark
    // would only add a second bound.
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::rcvhwm, 0);
    if (type == zmq::socket_type::router) {
        socket.set(zmq::sockopt::router_mandatory, 1);
        socket.set(zmq::sockopt::rcvhwm, kRouterReceiveFrames);
        socket.set(zmq::sockopt::sndhwm, kRouterSendFrames);
    }
    if (type == zmq::socket_type::dealer) {
        // Nothing queues for a broker that is away: the sessions repeat what matters, and a
        // returning broker would receive a heap of stale frames.
        socket.set(zmq::sockopt::immediate, 1);
    }
    if (type == zmq::socket_type::xpub) {
        socket.set(zmq::sockopt::maxmsgsize, kSubscriptionBytesMax);
        socket.set(zmq::sockopt::xpub_verboser, 1);
        socket.set(zmq::sockopt::sndhwm, kFeedFramesMax);
    }
}

} // namespace

ZmqSocket::ZmqSocket(LinkContext& context, zmq::socket_type type) : socket_(context.zmq(), type) {
    context.security().apply(socket_, end_of(type));
    set_limits(socket_, type, context.limits());
    set_connection_options(socket_);
    set_queue_options(socket_, type);
    fd_ = socket_.get(zmq::sockopt::fd);
}

Status ZmqSocket::bind(const std::string& endpoint) {
    const Result<std::string> found = in_digits(endpoint);
    if (!found.ok()) {
        return Error{"cannot listen on " + endpoint + ": " + found.error().text};
    }
    try {
        allow_address_family(socket_, found.value());
        until_not_interrupted([&] { socket_.bind(found.value()); });
        return Done{};
    } catch (const zmq::error_t& error) {
        return Error{"cannot listen on " + endpoint + ": " + why(error)};
    }
}

Status ZmqSocket::connect(const std::string& endpoint) {
    drained_ = false;
    try {
        allow_address_family(socket_, endpoint);
        until_not_interrupted([&] { socket_.connect(endpoint); });
        return Done{};
    } catch (const zmq::error_t& error) {
        return Error{"cannot connect to " + endpoint + ": " + why(error)};
    }
}

void ZmqSocket::disconnect(const std::string& endpoint) {
    drained_ = false;
    // The C call, since cppzmq would throw when there is nothing to disconnect.
    while (zmq_disconnect(socket_.handle(), endpoint.c_str()) != 0 && zmq_errno() == EINTR) {
    }
}

std::string ZmqSocket::bound_endpoint() const {
    return socket_.get(zmq::sockopt::last_endpoint);
}

void ZmqSocket::subscribe(std::string_view topic) {
    drained_ = false;
    socket_.set(zmq::sockopt::subscribe, zmq::buffer(topic));
}

void ZmqSocket::wait_for_approval() {
    socket_.set(zmq::sockopt::xpub_manual, true);
}

void ZmqSocket::approve(std::string_view topic, bool subscribed) {
    const int option = subscribed ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE;
    // The C call, since cppzmq would throw if there is nothing to approve of any more.
    static_cast<void>(zmq_setsockopt(socket_.handle(), option, topic.data(), topic.size()));
}

void ZmqSocket::linger(std::chrono::milliseconds time) {
    socket_.set(zmq::sockopt::linger, in_ms(time));
}

void ZmqSocket::send_queue_max(int messages) {
    drained_ = false;
    socket_.set(zmq::sockopt::sndhwm, messages);
}

zmq::message_t make_shared_message(std::string_view bytes, zmq::free_fn* release, void* hint) {
    // ZeroMQ's interface takes mutable bytes, but does not change them.
    return make_message(const_cast<char*>(bytes.data()), bytes.size(), release, hint);
}

ZmqSocket::Sent ZmqSocket::send(std::string_view bytes, bool more) {
    return send(make_message(bytes.data(), bytes.size()), more);
}

ZmqSocket::Sent ZmqSocket::send(zmq::message_t&& message, bool more) {
    const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
    drained_ = false; // sending handles internal commands, which takes them off the descriptor
    while (true) {
        if (zmq_msg_send(message.handle(), socket_.handle(), flags) >= 0) {
            return Sent::kOk;
        }
        const int error = zmq_errno();
        if (error == EHOSTUNREACH) {
            return Sent::kUnroutable;
        }
        if (error == EINTR) {
            continue;
        }
        ZCOMET_ASSERT(error == EAGAIN || error == ETERM);
        return Sent::kWouldBlock;
    }
}

ZmqSocket::Sent ZmqSocket::give(std::string&& bytes) {
    if (bytes.size() < kSharedBytesMin) {
        return send(bytes);
    }
    auto given = std::make_unique<std::string>(std::move(bytes));
    zmq::message_t message = make_message(
        given->data(), given->size(),
        [](void* /*data*/, void* hint) { delete static_cast<std::string*>(hint); }, given.get());
    static_cast<void>(given.release()); // it belongs to the message now
    return send(std::move(message));
}

std::optional<zmq::message_t> ZmqSocket::receive(bool& more) {
    zmq::message_t message;
    drained_ = false;
    while (zmq_msg_recv(message.handle(), socket_.handle(), ZMQ_DONTWAIT) < 0) {
        const int error = zmq_errno();
        if (error == EINTR) {
            continue;
        }
        ZCOMET_ASSERT(error == EAGAIN || error == ETERM);
        drained_ = true;
        return std::nullopt;
    }
    more = message.more();
    return message;
}

std::optional<zmq::message_t> ZmqSocket::receive_single() {
    bool more = false;
    std::optional<zmq::message_t> first = receive(more);
    const bool is_single = !more;
    while (more && receive(more)) {
    }
    return is_single ? std::move(first) : zmq::message_t();
}

int ZmqSocket::events() {
    // The C call, since cppzmq would throw when a signal's handler interrupts it.
    int events = 0;
    std::size_t size = sizeof(events);
    while (zmq_getsockopt(socket_.handle(), ZMQ_EVENTS, &events, &size) != 0) {
        if (const int error = zmq_errno(); error != EINTR) {
            ZCOMET_ASSERT(error == ETERM);
            return 0;
        }
    }
    drained_ = (events & ZMQ_POLLIN) == 0;
    return events;
}

bool ZmqSocket::readable() {
    return !drained_ && (events() & ZMQ_POLLIN) != 0;
}

bool ZmqSocket::writable() {
    return (events() & ZMQ_POLLOUT) != 0;
}

} // namespace zcomet::link
