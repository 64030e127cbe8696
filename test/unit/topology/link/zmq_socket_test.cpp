// A socket in a process with signal handlers that interrupt ZeroMQ.
#include "test/support/alarms.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/readable.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace zmq_socket_test {

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

TEST_CASE("a given frame of any size arrives, also at a socket that is opened later") {
    LinkContext context;
    ZmqSocket pull(context, zmq::socket_type::dealer);
    REQUIRE(pull.bind("tcp://127.0.0.1:*").ok());
    for (const std::size_t bytes :
         {std::size_t{0}, kSharedBytesMin - 1, kSharedBytesMin, std::size_t{100'000}}) {
        ZmqSocket push(context, zmq::socket_type::dealer);
        const std::string frame(bytes, 'x');
        // Without a connection the frame is lost, and its memory is freed.
        CHECK(push.give(std::string(frame)) == ZmqSocket::Sent::kWouldBlock);
        REQUIRE(push.connect(pull.bound_endpoint()).ok());
        while (!push.writable()) {
            static_cast<void>(loop::await_readable(push.fd(), Clock::now() + 1ms));
        }
        REQUIRE(push.give(std::string(frame)) == ZmqSocket::Sent::kOk);
        std::optional<zmq::message_t> received;
        while (!(received = pull.receive_single())) {
            static_cast<void>(loop::await_readable(pull.fd(), Clock::now() + 1ms));
        }
        CHECK(bytes_of(*received) == frame);
    }
}

} // namespace zmq_socket_test
