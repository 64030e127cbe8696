// Goal: handshakes under way come first; among these, and among the others, who came first does.
#include "webnode/request/handshake_queue.hpp"

#include <catch2/catch.hpp>

namespace handshake_queue_test {

using zcomet::webnode::connection::Handle;
using zcomet::webnode::request::HandshakeQueue;

TEST_CASE("handshakes under way come first, and else who came first", "[tls]") {
    HandshakeQueue queue;
    CHECK(queue.empty());
    CHECK_FALSE(queue.pop());
    CHECK_FALSE(queue.has_before(false));
    queue.push({1, 1}, false);
    CHECK(queue.has_before(false));
    CHECK_FALSE(queue.has_before(true));
    queue.push({2, 1}, false);
    queue.push({3, 1}, true);
    queue.push({4, 1}, true);
    CHECK(queue.has_before(true));
    for (const Handle wanted : {Handle{3, 1}, Handle{4, 1}, Handle{1, 1}, Handle{2, 1}}) {
        CHECK_FALSE(queue.empty());
        CHECK(queue.pop() == wanted);
    }
    CHECK(queue.empty());
}

} // namespace handshake_queue_test
