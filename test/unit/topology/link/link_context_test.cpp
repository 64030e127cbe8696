// The options that every socket of a program gets when it is made.
#include "topology/link/zmq_socket.hpp"

#include <catch2/catch.hpp>

namespace link_context_test {

using namespace zcomet;
using namespace zcomet::link;

TEST_CASE("new sockets have the limits of their context") {
    const SocketLimits limits{.frame_bytes_max = 100,
                              .linger = std::chrono::milliseconds(7),
                              .ping_interval = std::chrono::milliseconds(200),
                              .silence_max = std::chrono::milliseconds(900)};
    LinkContext context({}, limits);
    ZmqSocket dealer(context, zmq::socket_type::dealer);
    CHECK(dealer.raw().get(zmq::sockopt::maxmsgsize) == 100);
    CHECK(dealer.raw().get(zmq::sockopt::linger) == 7);
    CHECK(dealer.raw().get(zmq::sockopt::heartbeat_ivl) == 200);
    CHECK(dealer.raw().get(zmq::sockopt::heartbeat_timeout) == 900);
}

TEST_CASE("a ROUTER sends no pings, which could end the process") {
    LinkContext context;
    ZmqSocket router(context, zmq::socket_type::router);
    CHECK(router.raw().get(zmq::sockopt::heartbeat_ivl) == 0);
}

TEST_CASE("a plain socket asks for no key, at either end") {
    LinkContext context;
    CHECK(context.security().mode() == Security::Mode::kPlain);
    for (const auto type : {zmq::socket_type::router, zmq::socket_type::dealer}) {
        ZmqSocket socket(context, type);
        CHECK(socket.raw().get(zmq::sockopt::mechanism) == ZMQ_NULL);
    }
}

TEST_CASE("with keys both ends of a link are secured, and nothing else of the program") {
    const KeyPair broker = make_key_pair();
    const KeyPair peer = make_key_pair();
    CHECK(is_pair(broker));
    CHECK_FALSE(is_pair({broker.public_key, peer.secret}));
    const auto mechanism = [](LinkContext& context, zmq::socket_type type) {
        ZmqSocket socket(context, type);
        return socket.raw().get(zmq::sockopt::mechanism);
    };
    LinkContext of_broker(Security::of_broker(broker.secret));
    CHECK(mechanism(of_broker, zmq::socket_type::router) == ZMQ_CURVE);
    CHECK(mechanism(of_broker, zmq::socket_type::xpub) == ZMQ_CURVE);
    CHECK(mechanism(of_broker, zmq::socket_type::dealer) == ZMQ_NULL);
    LinkContext of_peer(Security::of_peer(peer, broker.public_key), of_broker);
    CHECK(mechanism(of_peer, zmq::socket_type::dealer) == ZMQ_CURVE);
    CHECK(mechanism(of_peer, zmq::socket_type::sub) == ZMQ_CURVE);
    CHECK(&of_peer.zmq() == &of_broker.zmq());
}

} // namespace link_context_test
