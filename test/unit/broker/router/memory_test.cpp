// The bounds of a broker in sum: memory, and the ids of one node.
#include "test/unit/broker/router/router_harness.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace memory_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using Counter = table::BrokerCounter;

namespace {

constexpr std::uint64_t kMemoryMax = 16U << 20U;
constexpr std::size_t kMessageBytes = 60'000;

RouterOptions small() {
    RouterOptions options;
    options.memory_max = kMemoryMax;
    return options;
}

/// Nodes 1 to `count` are live, hold the id "a", and acknowledge nothing.
void join_silent_nodes(RouterHarness& broker, unsigned count) {
    for (unsigned i = 1; i <= count; ++i) {
        const std::string name = "n" + std::to_string(i);
        broker.join_live_node(name, i, name);
        broker.say(name, RouterHarness::login(1, {"a"}));
    }
}

} // namespace

TEST_CASE("memory: feeds that nobody acknowledges are shed at the bound in sum", "[router]") {
    RouterHarness broker(small());
    join_silent_nodes(broker, 8);
    broker.join_live_node("good", 100, "good");
    broker.say("good", RouterHarness::login(1, {"b"}));
    broker.join_sender("s", 200);
    std::uint64_t most = 0;
    std::uint64_t batches = 0;
    for (std::uint64_t i = 1; i <= 200; ++i) {
        broker.say("s", RouterHarness::send(2 * i - 1, {{"a", std::string(kMessageBytes, 'x')},
                                                        {"b", std::to_string(i)}}));
        broker.pass(1ms);
        broker.published.clear();
        broker.say("good", RouterHarness::heartbeat(++batches, 1, {"b"}));
        most = std::max(most, broker.counter(Counter::kMemoryBytes));
    }
    CHECK(most < kMemoryMax + kMemoryMax / 8);
    CHECK(broker.counter(Counter::kMessagesShedForMemory) > 0);
    CHECK(broker.counter(Counter::kMessagesShedForMemory) ==
          broker.counter(Counter::kMessagesShed));
    CHECK(broker.reported(RouterEvent::Kind::kShed, "n1"));
    CHECK(broker.reported(RouterEvent::Kind::kShed, "n8"));
    CHECK_FALSE(broker.reported(RouterEvent::Kind::kShed, "good"));
    CHECK(broker.counter(Counter::kMemoryPercent) > 50);
    CHECK(broker.query("ledger").find("\"remainder\":-") == std::string::npos);
    // The memory goes with its nodes.
    for (unsigned i = 1; i <= 8; ++i) {
        broker.say("n" + std::to_string(i), wire::encode(wire::Goodbye{}));
    }
    broker.turn();
    CHECK(broker.counter(Counter::kMemoryBytes) < 1U << 20U);
    CHECK(broker.counter(Counter::kMemoryPercent) < 10);
}

TEST_CASE("memory: without room ids and peers are refused, and come in later", "[router]") {
    RouterOptions options = small();
    options.memory_max = 1; // less than an empty table has
    RouterHarness full(options);
    full.turn();
    CHECK(full.refused("n", wire::encode(wire::Hello{1, wire::Role::kNode, "n"})) ==
          wire::ErrorCode::kOverloaded);
    CHECK(full.counter(Counter::kPeersRefused) == 1);
    CHECK(full.query("who", "a").size() > 2); // those who only ask are answered
}

TEST_CASE("ids: one node may hold so many, and others lose nothing by that", "[router]") {
    RouterOptions options;
    options.ids_per_node = 3;
    RouterHarness broker(options);
    broker.join_node("n", 1, "greedy");
    broker.join_node("m", 2, "modest");
    CHECK(broker.refused("n", RouterHarness::login(1, {"a", "b", "c", "d", "e"})) ==
          wire::ErrorCode::kOverloaded);
    CHECK(broker.counter(Counter::kLoginsRefused) == 2);
    CHECK(broker.who("d") == R"({"id":"d","nodes":[]})");
    broker.say("m", RouterHarness::login(1, {"d"}));
    CHECK(broker.who("d") == R"({"id":"d","nodes":["modest"]})");
    // An id that the node has stays, and one that it gives up makes room for another.
    CHECK(broker.refused("n", RouterHarness::login(2, {"a", "d"})) == wire::ErrorCode::kOverloaded);
    broker.say("n", RouterHarness::logout(3, {"a", "b"}));
    broker.say("n", RouterHarness::login(4, {"d"}));
    CHECK(broker.who("d") == R"({"id":"d","nodes":["greedy","modest"]})");
    broker.pass(1s);
    CHECK(broker.counter(Counter::kNodeIdsPercent) == 66);
}

TEST_CASE("ids: a node is asked for its list only when there is room for it in its own bound",
          "[router]") {
    RouterOptions options;
    options.ids_per_node = 2;
    RouterHarness broker(options);
    broker.join_node("n", 1, "n");
    broker.say("n", RouterHarness::login(1, {"a", "b", "c"}));
    static_cast<void>(broker.take("n"));
    broker.say("n", RouterHarness::heartbeat(0, 1, {"a", "b", "c"}));
    for (const std::string& answer : broker.take("n")) {
        CHECK(answer[3] != static_cast<char>(wire::Kind::kError));
    }
    broker.say("n", RouterHarness::logout(2, {"a"}));
    CHECK(broker.refused("n", RouterHarness::heartbeat(0, 2, {"b", "c"})) ==
          wire::ErrorCode::kListNeeded);
    broker.say("n", RouterHarness::list(3, true, true, {"b", "c"}));
    CHECK(broker.who("c") == R"({"id":"c","nodes":["n"]})");
}

} // namespace memory_test
