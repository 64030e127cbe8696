// How the links between programs are secured.
#pragma once

#include <zmq.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace zcomet::link {

/// A pair of CURVE keys, as 40 characters of Z85 each.
struct KeyPair {
    std::string public_key;
    std::string secret;
};

/// Throws std::runtime_error if this ZeroMQ was built without CURVE.
[[nodiscard]] KeyPair make_key_pair();
/// Whether the two keys belong together.
[[nodiscard]] bool is_pair(const KeyPair& pair);

/// Each socket passes through it when it is made, before it binds or connects. This is the only
/// place that gives a socket its proof of identity.
///
/// Thread: any, after it was made.
class Security {
  public:
    enum class Mode : std::uint8_t {
        /// Frames are not encrypted and no key is asked for: the network is trusted, or the
        /// addresses are this machine's own (docs/PROTOCOL.md, "Security").
        kPlain,
        /// Everything is encrypted, and each side knows the other one by its key.
        kCurve,
    };
    /// Which end of a link a socket is: a broker's, to which others connect, or a peer's.
    enum class End : std::uint8_t { kBroker, kPeer };

    Security() = default;
    /// A broker's. Its other sockets, by which it asks whether another broker has its port, are
    /// plain. It needs a ZapServer (zap_server.hpp): without one, libzmq lets every key in.
    [[nodiscard]] static Security of_broker(std::string secret);
    /// A peer's, for brokers with that public key.
    [[nodiscard]] static Security of_peer(KeyPair own, std::string broker_public_key);

    [[nodiscard]] Mode mode() const { return mode_; }

    /// Sets the options of a new socket.
    void apply(zmq::socket_t& socket, End end) const;

  private:
    Mode mode_ = Mode::kPlain;
    End end_ = End::kPeer; // of a program with keys
    KeyPair own_;          // a broker's has no public key: ZeroMQ does not ask for it
    std::string broker_public_key_;
};

} // namespace zcomet::link
