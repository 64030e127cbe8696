// What a socket does when signals' handlers interrupt ZeroMQ, in a process that has such handlers.
#include "test/support/alarms.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/readable.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace zcomet;
using namespace zcomet::link;

TEST_CASE("signals do not make a socket throw, or lose a frame") {
    LinkContext context;
    ZmqSocket pull(context, zmq::socket_type::dealer);
    ZmqSocket push(context, zmq::socket_type::dealer);
    const test::Alarms alarms;
    REQUIRE(pull.bind("tcp://127.0.0.1:*").ok());
    REQUIRE(push.connect(pull.bound_endpoint()).ok());
    constexpr int kSignals = 1000;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    while (test::Alarms::handled < kSignals || received < sent) {
        if (test::Alarms::handled < kSignals && push.writable() &&
            push.send(std::to_string(sent + 1)) == ZmqSocket::Sent::kOk) {
            ++sent;
        }
        if (!pull.readable()) {
            static_cast<void>(loop::await_readable(pull.fd(), Clock::now() + 1ms));
        }
        while (const auto frame = pull.receive_single()) {
            CHECK(bytes_of(*frame) == std::to_string(++received));
        }
    }
    CHECK(received == sent);
    CHECK(sent > 0);
    push.disconnect(pull.bound_endpoint());
}
