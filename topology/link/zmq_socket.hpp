// ZeroMQ sockets as values: the one place that catches zmq::error_t. Would-block is an empty
// result, EINTR is retried, an unroutable peer is a result of its own; nothing throws after the
// socket is set up, except std::bad_alloc.
#pragma once

#include "topology/base/result.hpp"
#include "topology/link/link_context.hpp"

#include <zmq.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::link {

/// One ZeroMQ socket. It belongs to one thread for its whole life: made, used and destroyed there.
/// Set when it is made: its security, the SocketLimits, and no high-water marks where a protocol
/// window bounds the queue (reasons in zmq_socket.cpp).
class ZmqSocket {
  public:
    enum class Sent : std::uint8_t { kOk, kWouldBlock, kUnroutable };

    /// Throws zmq::error_t only if the process is out of sockets or descriptors.
    ZmqSocket(LinkContext& context, zmq::socket_type type);

    /// `endpoint` as in "tcp://127.0.0.1:*". The host may be a name, for which this waits up to
    /// five seconds, or a network interface; "*" is every address, IPv4 and IPv6. Errors name the
    /// endpoint and say why.
    [[nodiscard]] Status bind(const std::string& endpoint);
    /// The host should be in digits: ZeroMQ looks names up in its own thread (host_connector.hpp).
    [[nodiscard]] Status connect(const std::string& endpoint);
    /// A missing connection to `endpoint` is not an error.
    void disconnect(const std::string& endpoint);
    /// The endpoint last bound, with the port that the system chose.
    [[nodiscard]] std::string bound_endpoint() const;
    void subscribe(std::string_view topic);
    /// Of an XPUB, before it is bound: a subscription, or its end, has effect when it is approved.
    void wait_for_approval();
    /// Lets the last subscription that was received, or its end, have effect.
    /// @param topic  as in that message.
    void approve(std::string_view topic, bool subscribed);
    /// How long closing the socket may take to pass on its queue; 0 (not at all) unless set.
    void linger(std::chrono::milliseconds time);

    /// Neither blocks. `more`: a further frame of the same message follows.
    [[nodiscard]] Sent send(std::string_view bytes, bool more = false);
    [[nodiscard]] Sent send(zmq::message_t&& message, bool more = false);
    /// The same for bytes that the caller no longer needs: a large frame is sent without a copy.
    [[nodiscard]] Sent give(std::string&& bytes);

    /// One frame, or nothing if none waits. `more` says whether the message goes on.
    [[nodiscard]] std::optional<zmq::message_t> receive(bool& more);
    /// One message of a socket whose messages are single frames. The protocol has no multi-frame
    /// messages; one is returned as an empty frame, which decode() refuses.
    [[nodiscard]] std::optional<zmq::message_t> receive_single();

    /// Edge-triggered in meaning: after every send and receive look at readable() again, and drain
    /// before sleeping (zmq_getsockopt(3), ZMQ_FD).
    [[nodiscard]] int fd() const { return fd_; }
    /// Whether to receive before sleeping on the descriptor. Costs a poll(2), except after a
    /// receive that found nothing: the descriptor then tells of the next frame.
    [[nodiscard]] bool readable();
    /// Whether send() would take a frame now. The descriptor tells of that, too.
    [[nodiscard]] bool writable();

    [[nodiscard]] zmq::socket_t& raw() { return socket_; }

    /// How many messages the queue of a connection takes that is made from now on: further ones are
    /// dropped (XPUB) or refused (ROUTER). Not for a socket that has connections: the reader of a
    /// queue reports what it has read each time that it has read half of the first maximum. With a
    /// smaller maximum the queue of a connection that reads everything counts as full for ever.
    void send_queue_max(int messages);

  private:
    [[nodiscard]] int events();

    zmq::socket_t socket_;
    int fd_ = -1;
    /// ZeroMQ's queues were empty, and no call since then could have filled them: the next frame
    /// makes the descriptor readable.
    bool drained_ = false;
};

/// From this size on, sharing a frame with ZeroMQ costs less than copying it: an allocation and two
/// atomic counts.
inline constexpr std::size_t kSharedBytesMin = 4096;

/// Batches that an XPUB keeps for one subscriber that does not read. It drops further ones for that
/// subscriber, and a node asks for them again. A node that keeps up has only a few here: a window
/// of the smallest batches is in the system's buffers within a millisecond.
/// @limit batches that wait for a subscriber to read them
inline constexpr int kFeedFramesMax = 256;

/// A message that shares bytes: `release(data, hint)` is called, on any thread, when ZeroMQ has no
/// more use for them.
[[nodiscard]] zmq::message_t make_shared_message(std::string_view bytes, zmq::free_fn* release,
                                                 void* hint);

/// The bytes of a frame, as long as the frame lives.
[[nodiscard]] inline std::string_view bytes_of(const zmq::message_t& frame) {
    return {static_cast<const char*>(frame.data()), frame.size()};
}

} // namespace zcomet::link
