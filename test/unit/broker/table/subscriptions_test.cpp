// Subscriptions: which topics count, how often, and how many there may be.
#include "broker/table/subscriptions.hpp"
#include "topology/wire/frames.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace subscriptions_test {

using zcomet::broker::table::Subscriptions;
namespace wire = zcomet::wire;

TEST_CASE("a topic of eight bytes is a node's incarnation, and no other topic is",
          "[subscriptions]") {
    CHECK(Subscriptions::incarnation_of(wire::encode_topic(0x0102030405060708)) ==
          0x0102030405060708U);
    CHECK(Subscriptions::incarnation_of(std::string(8, '\xFF')) == UINT64_MAX);
    for (const std::size_t size : {0U, 1U, 7U, 9U, 1023U}) {
        CHECK_FALSE(Subscriptions::incarnation_of(std::string(size, 'x')));
    }
}

TEST_CASE("a node is subscribed until its last subscription goes", "[subscriptions]") {
    Subscriptions subscriptions(10);
    CHECK_FALSE(subscriptions.has(1));
    CHECK(subscriptions.change(1, true, false));
    CHECK(subscriptions.change(1, true, false)); // a new connection, before the old one is gone
    CHECK(subscriptions.change(1, false, true));
    CHECK(subscriptions.has(1));
    CHECK(subscriptions.change(1, false, true));
    CHECK_FALSE(subscriptions.has(1));
    CHECK_FALSE(subscriptions.change(1, false, true)); // nobody is subscribed
    CHECK_FALSE(subscriptions.change(2, false, false));
}

TEST_CASE("strangers with very many topics leave room for nodes that said HELLO",
          "[subscriptions]") {
    constexpr std::uint64_t kTopics = 100;
    Subscriptions subscriptions(kTopics);
    for (std::uint64_t topic = 1; topic <= kTopics; ++topic) {
        REQUIRE(subscriptions.change(topic, true, false));
    }
    CHECK_FALSE(subscriptions.change(1000, true, false));
    CHECK_FALSE(subscriptions.has(1000));
    CHECK(subscriptions.change(1, true, false)); // a topic that is there takes no more room
    for (std::uint64_t node = 1000; node < 1000 + kTopics; ++node) {
        REQUIRE(subscriptions.change(node, true, true));
    }
    CHECK_FALSE(subscriptions.change(5000, true, true));
    CHECK(subscriptions.change(1000, false, true));
    CHECK(subscriptions.change(5000, true, true));
}

} // namespace subscriptions_test
