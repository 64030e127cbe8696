// What a turn takes in: so many frames, bytes and messages.
#include "broker/router/intake.hpp"
#include "test/unit/broker/router/router_harness.hpp"
#include "topology/wire/owned_ids.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

namespace intake_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;

namespace {

/// Says `frame(n)` for n from 1, until the turn takes no more.
/// @return how many those were.
template <typename Frame>
std::uint64_t fill_turn(RouterHarness& broker, const std::string& connection, Frame&& frame) {
    std::uint64_t said = 0;
    while (broker.router.has_room()) {
        broker.say(connection, frame(++said));
    }
    return said;
}

} // namespace

TEST_CASE("intake: a turn takes so many frames, and bytes", "[router]") {
    Intake intake;
    CHECK(intake.has_room());
    SECTION("frames") {
        for (unsigned i = 0; i < Intake::kFramesPerTurn; ++i) {
            CHECK(intake.has_room());
            intake.add_frame(0);
        }
    }
    SECTION("bytes") {
        intake.add_frame(Intake::kBytesPerTurn - 1);
        CHECK(intake.has_room());
        intake.add_frame(1);
    }
    SECTION("messages") {
        intake.add_messages(Intake::kMessagesPerTurn - 1);
        CHECK(intake.has_room());
        intake.add_messages(1);
    }
    CHECK_FALSE(intake.has_room());
    intake.begin_turn();
    CHECK(intake.has_room());
}

TEST_CASE("intake: tiny messages fill a turn before their bytes do, and so do their copies",
          "[router]") {
    RouterHarness broker;
    const std::uint64_t nodes = GENERATE(0U, 1U, 7U);
    for (std::uint64_t i = 1; i <= nodes; ++i) {
        const std::string name = "n" + std::to_string(i);
        broker.join_live_node(name, i, name);
        broker.say(name, RouterHarness::login(1, {"a"}));
    }
    broker.join_sender("s", 100);
    broker.turn();
    constexpr std::uint64_t kMessages = 256;
    const RouterHarness::Messages messages(kMessages, {"a", ""});
    const auto frame = [&](std::uint64_t n) {
        return RouterHarness::send((n - 1) * kMessages + 1, messages);
    };
    CHECK(fill_turn(broker, "s", frame) == Intake::kMessagesPerTurn / kMessages / (nodes + 1));
    broker.turn();
    CHECK(broker.router.has_room());
}

TEST_CASE("intake: repeated messages fill a turn, too", "[router]") {
    RouterHarness broker;
    broker.join_sender("s", 1);
    broker.turn();
    const std::string frame = RouterHarness::send(1, RouterHarness::Messages(1024, {"a", ""}));
    CHECK(fill_turn(broker, "s", [&frame](std::uint64_t) { return std::string(frame); }) ==
          Intake::kMessagesPerTurn / 1024);
}

TEST_CASE("intake: each id of a question for histories counts, although none has messages",
          "[router]") {
    RouterOptions options;
    options.history = broker::history::Rules({{"*", 10, 60s}});
    RouterHarness broker(options);
    broker.join_sender("s", 1);
    broker.turn();
    wire::OwnedIds ids;
    for (int i = 0; i < 100; ++i) {
        ids.add("id-" + std::to_string(i));
    }
    const auto question = [&ids](std::uint64_t) {
        return wire::encode(wire::History{.token = 1, .count_max = 1, .ids = ids.list()});
    };
    CHECK(fill_turn(broker, "s", question) == Intake::kMessagesPerTurn / 100 + 1);
}

TEST_CASE("intake: a long list that waits counts a sixteenth", "[router]") {
    RouterOptions options;
    options.ids_per_turn = 100;
    RouterHarness broker(options);
    broker.join_node("n", 1, "n");
    broker.turn();
    std::vector<std::string> ids;
    ids.reserve(10'000);
    for (int i = 0; i < 10'000; ++i) {
        ids.push_back("id-" + std::to_string(i));
    }
    const std::string list = RouterHarness::list(0, true, true, ids);
    const std::uint64_t lists =
        fill_turn(broker, "n", [&list](std::uint64_t) { return std::string(list); });
    CHECK(lists == 1 + (Intake::kBytesPerTurn - 1) / (list.size() / 16));
}

} // namespace intake_test
