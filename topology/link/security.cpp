#include "topology/link/security.hpp"

#include "topology/base/check.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace zcomet::link {

namespace {

/// With the zero at its end.
constexpr std::size_t kTextBytes = 41;
using Text = std::array<char, kTextBytes>;

} // namespace

KeyPair make_key_pair() {
    Text public_key{};
    Text secret{};
    if (zmq_curve_keypair(public_key.data(), secret.data()) != 0) {
        throw std::runtime_error("this ZeroMQ has no CURVE, which keys are for");
    }
    return {public_key.data(), secret.data()};
}

bool is_pair(const KeyPair& pair) {
    Text public_key{};
    return zmq_curve_public(public_key.data(), pair.secret.c_str()) == 0 &&
           pair.public_key == public_key.data();
}

Security Security::of_broker(std::string secret) {
    Security security;
    security.mode_ = Mode::kCurve;
    security.end_ = End::kBroker;
    security.own_.secret = std::move(secret);
    return security;
}

Security Security::of_peer(KeyPair own, std::string broker_public_key) {
    Security security;
    security.mode_ = Mode::kCurve;
    security.own_ = std::move(own);
    security.broker_public_key_ = std::move(broker_public_key);
    return security;
}

void Security::apply(zmq::socket_t& socket, End end) const {
    if (mode_ == Mode::kPlain || end != end_) {
        // Nothing to set, at either end: a new socket of ZeroMQ is plain.
        ZCOMET_ASSERT(socket.get(zmq::sockopt::mechanism) == ZMQ_NULL);
        return;
    }
    if (end == End::kBroker) {
        socket.set(zmq::sockopt::curve_server, true);
        socket.set(zmq::sockopt::curve_secretkey, own_.secret);
        const bool is_feed = socket.get(zmq::sockopt::socket_type) == zmq::socket_type::xpub;
        socket.set(zmq::sockopt::zap_domain, is_feed ? "feed" : "peers");
    } else {
        socket.set(zmq::sockopt::curve_serverkey, broker_public_key_);
        socket.set(zmq::sockopt::curve_publickey, own_.public_key);
        socket.set(zmq::sockopt::curve_secretkey, own_.secret);
    }
    ZCOMET_ASSERT(socket.get(zmq::sockopt::mechanism) == ZMQ_CURVE);
}

} // namespace zcomet::link
