// How the links between programs are secured.
#pragma once

#include <zmq.hpp>

#include <cstdint>

namespace zcomet::link {

/// Each socket passes through it when it is made, before it binds or connects. This is the only
/// place that gives a socket its proof of identity.
///
/// Thread: any, after it was made.
class Security {
  public:
    enum class Mode : std::uint8_t {
        /// Frames are not encrypted and no key is asked for: the network is trusted
        /// (docs/PROTOCOL.md, "Security").
        kPlain,
    };
    /// Which end of a link a socket is: a broker's, to which others connect, or a peer's.
    enum class End : std::uint8_t { kBroker, kPeer };

    [[nodiscard]] Mode mode() const { return mode_; }

    /// Sets the options of a new socket.
    void apply(zmq::socket_t& socket, End end) const;

  private:
    Mode mode_ = Mode::kPlain;
};

} // namespace zcomet::link
