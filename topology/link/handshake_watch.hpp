// Hears of connections that fail in their handshake, which ZeroMQ does not say otherwise: the two
// ends do not agree on keys.
#pragma once

#include "topology/link/zmq_socket.hpp"

#include <zmq.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace zcomet::link {

/// Thread: that of the socket.
class HandshakeWatch {
  public:
    enum class Failure : std::uint8_t {
        kKeyRefused, ///< the broker does not let our key in
        kNoKey,      ///< one end wants keys, and the other has none; or it is no ZeroMQ
        kBrokenOff,  ///< the connection ended: it has another key than we think, or there was a
                     ///< fault
    };

    /// @param socket  lives longer than this; not connected or bound yet.
    HandshakeWatch(LinkContext& context, ZmqSocket& socket);
    ~HandshakeWatch();
    HandshakeWatch(const HandshakeWatch&) = delete;
    HandshakeWatch& operator=(const HandshakeWatch&) = delete;

    /// The next failure; nothing if there was none since.
    [[nodiscard]] std::optional<Failure> next();
    /// Readable when there may be one: as ZmqSocket::fd().
    [[nodiscard]] int fd() const { return fd_; }

  private:
    ZmqSocket& socket_;
    zmq::socket_t events_; // PAIR
    int fd_;
};

/// What a failure means to a peer, and what to do; one sentence.
/// @param broker  its address.
[[nodiscard]] std::string why_no_handshake(HandshakeWatch::Failure failure, Security::Mode own,
                                           const std::string& broker);

} // namespace zcomet::link
