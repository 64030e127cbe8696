// Frames that name more ids than a turn applies, and the frames behind them.
#include "test/unit/broker/router/router_harness.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace backlog_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using Counter = table::BrokerCounter;

namespace {

RouterOptions few_ids() {
    RouterOptions options;
    options.ids_per_turn = 100;
    return options;
}

std::vector<std::string> ids(int first, int count) {
    std::vector<std::string> result;
    for (int i = first; i < first + count; ++i) {
        result.push_back("id-" + std::to_string(i));
    }
    return result;
}

std::size_t logged_in(RouterHarness& broker) {
    return broker.counter(Counter::kLogins);
}

/// @return how many turns it took until nothing waits.
int finish(RouterHarness& broker) {
    int turns = 0;
    for (; broker.router.due() <= broker.now; ++turns) {
        REQUIRE(turns < 1000);
        broker.turn();
    }
    return turns;
}

} // namespace

TEST_CASE("backlog: a long list is applied in slices, and others come in between", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.join_node("m", 2, "m");
    broker.turn();
    broker.say("n", RouterHarness::list(1, true, true, ids(0, 1000)));
    CHECK(logged_in(broker) == 0);
    broker.say("m", RouterHarness::login(1, {"other"}));
    CHECK(logged_in(broker) == 1);
    broker.turn();
    CHECK(logged_in(broker) > 1); // a part of the turn went into checking the ids
    CHECK(logged_in(broker) <= 101);
    CHECK(finish(broker) >= 8);
    CHECK(logged_in(broker) == 1001);
    CHECK(broker.who("id-999") == R"({"id":"id-999","nodes":["n"]})");
    broker.say("n", RouterHarness::heartbeat(0, 1, ids(0, 1000)));
    CHECK(broker.counter(Counter::kDigestMismatches) == 0);
}

TEST_CASE("backlog: later frames of the node keep their order, but for signs of life", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    static_cast<void>(broker.take("n"));
    broker.say("n", RouterHarness::login(1, ids(0, 300)));
    broker.say("n", RouterHarness::logout(2, ids(0, 1)));
    broker.say("n", wire::encode(wire::Ping{7}));
    CHECK(broker.take("n").empty());
    broker.pass(1ms);
    broker.say("n", RouterHarness::heartbeat(0, 2, ids(1, 299)));
    finish(broker);
    const auto answers = broker.take("n");
    REQUIRE(answers.size() == 2); // the broker's HEARTBEAT, and the PONG
    CHECK(broker.who("id-0") == R"({"id":"id-0","nodes":[]})");
    CHECK(broker.who("id-299") == R"({"id":"id-299","nodes":["n"]})");
    CHECK(broker.counter(Counter::kDigestMismatches) == 0);
    CHECK(broker.counter(Counter::kErrors) == 0);
}

TEST_CASE("backlog: a GOODBYE that waits ends the node, with what is behind it", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    broker.say("n", RouterHarness::login(1, ids(0, 300)));
    broker.say("n", wire::encode(wire::Goodbye{}));
    broker.say("n", RouterHarness::login(2, ids(300, 1)));
    finish(broker);
    CHECK(broker.reported(RouterEvent::Kind::kLeft, "n"));
    CHECK(broker.query("nodes") == "[]");
    CHECK(broker.who("id-300") == R"({"id":"id-300","nodes":[]})");
}

TEST_CASE("backlog: a new list replaces those that wait", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    for (std::uint64_t change = 1; change <= 50; ++change) {
        broker.say("n",
                   RouterHarness::list(change, true, true, ids(static_cast<int>(change), 500)));
    }
    CHECK(broker.counter(Counter::kMemoryBytes) < 100'000);
    finish(broker);
    CHECK(logged_in(broker) <= 1000);
    CHECK(broker.who("id-51") == R"({"id":"id-51","nodes":["n"]})");
    CHECK(broker.who("id-49") == R"({"id":"id-49","nodes":[]})");
    broker.say("n", RouterHarness::heartbeat(0, 50, ids(50, 500)));
    CHECK(broker.counter(Counter::kDigestMismatches) == 0);
}

TEST_CASE("backlog: too much of it is dropped, and the node is asked for its list", "[router]") {
    RouterOptions options = few_ids();
    options.waiting_bytes_max = 15'000;
    RouterHarness broker(options);
    broker.join_node("n", 1, "n");
    broker.turn();
    static_cast<void>(broker.take("n"));
    broker.say("n", RouterHarness::login(1, ids(0, 1000)));
    broker.say("n", RouterHarness::login(2, ids(1000, 500)));
    CHECK(broker.take("n").empty());
    CHECK(broker.refused("n", RouterHarness::login(3, ids(2000, 1000))) ==
          wire::ErrorCode::kListNeeded);
    CHECK(broker.counter(Counter::kWaitingFramesDropped) == 3);
    finish(broker);
    broker.say("n", RouterHarness::list(4, true, true, ids(0, 500)));
    finish(broker);
    broker.say("n", RouterHarness::heartbeat(0, 4, ids(0, 500)));
    CHECK(broker.counter(Counter::kDigestMismatches) == 0);
    CHECK(broker.who("id-499") == R"({"id":"id-499","nodes":["n"]})");
}

TEST_CASE("backlog: what waits ends with its connection", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    broker.say("n", RouterHarness::login(1, ids(0, 300)));
    broker.turn(); // in part
    broker.gone.insert("n");
    const auto welcome = broker.join_node("again", 1, "n");
    CHECK(welcome.changes_applied == 0);
    finish(broker);
    broker.say("again", RouterHarness::list(2, true, true, ids(5, 10)));
    CHECK(broker.who("id-0") == R"({"id":"id-0","nodes":[]})");
    CHECK(broker.who("id-14") == R"({"id":"id-14","nodes":["n"]})");
}

TEST_CASE("backlog: lists without end wait, and the last one is applied", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.join_node("m", 2, "m");
    broker.turn();
    static_cast<void>(broker.take("n"));
    std::uint64_t change = 0;
    for (int turn = 0; turn < 1000; ++turn) {
        broker.say("n", RouterHarness::list(++change, true, true, ids(turn, 500)));
        broker.turn();
        broker.now += 1ms;
    }
    CHECK(broker.counter(Counter::kListsPutOff) >= 2);
    CHECK(broker.counter(Counter::kListsPutOff) < 10);
    CHECK(logged_in(broker) < 1000); // each was replaced after a turn or two
    broker.say("n", wire::encode(wire::Ping{7}));
    CHECK(broker.router.due() <= broker.now + 500ms);
    broker.pass(500ms);
    CHECK(broker.take("n").size() == 1); // the PONG
    CHECK(broker.who("id-1498") == R"({"id":"id-1498","nodes":["n"]})");
    broker.say("n", RouterHarness::heartbeat(0, change, ids(999, 500)));
    CHECK(broker.counter(Counter::kDigestMismatches) == 0);
    CHECK(broker.counter(Counter::kErrors) == 0);
}

TEST_CASE("backlog: a short list waits, too, when its node has sent others", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    for (std::uint64_t change = 1; change <= 5; ++change) {
        broker.say("n", RouterHarness::list(change, true, true, ids(static_cast<int>(change), 1)));
    }
    CHECK(broker.counter(Counter::kLists) == 2);
    finish(broker);
    CHECK(broker.counter(Counter::kLists) == 2);
    broker.pass(500ms);
    CHECK(broker.counter(Counter::kLists) == 3);
    CHECK(broker.who("id-5") == R"({"id":"id-5","nodes":["n"]})");
}

TEST_CASE("backlog: a node that goes while its list is put off leaves nothing", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    for (std::uint64_t change = 1; change <= 5; ++change) {
        broker.say("n", RouterHarness::list(change, true, true, ids(0, 1)));
    }
    broker.turn();
    broker.join_node("again", 2, "n"); // replaces it
    broker.pass(2s);
    CHECK(broker.counter(Counter::kLists) == 2);
    CHECK(broker.who("id-0") == R"({"id":"id-0","nodes":[]})");
}

TEST_CASE("backlog: a long frame is put aside unread, and refused as a whole later", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    static_cast<void>(broker.take("n"));
    std::string login = RouterHarness::login(1, ids(0, 500));
    login.back() = ' ';
    const std::string rubbish = RouterHarness::login(1, ids(0, 500)) + "!";
    const auto refused = [&](const std::string& frame) {
        broker.say("n", frame);
        CHECK(broker.take("n").empty());
        finish(broker);
        CHECK(logged_in(broker) == 0);
        const auto answers = broker.take("n");
        REQUIRE(answers.size() == 1);
        return RouterHarness::decoded<wire::ErrorFrame>(answers[0]).code;
    };
    CHECK(refused(login) == wire::ErrorCode::kBadId);
    CHECK(refused(rubbish) == wire::ErrorCode::kMalformed);
    // Nothing has changed, so the next change is still the first.
    broker.say("n", RouterHarness::login(1, ids(0, 500)));
    finish(broker);
    CHECK(logged_in(broker) == 500);
}

TEST_CASE("backlog: a bad list that replaced good ones makes the broker ask for a list",
          "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    static_cast<void>(broker.take("n"));
    broker.say("n", RouterHarness::list(1, true, true, ids(0, 500)));
    std::string bad = RouterHarness::list(2, true, true, ids(0, 500));
    bad.back() = ' ';
    broker.say("n", bad);
    finish(broker);
    const auto answers = broker.take("n");
    REQUIRE(answers.size() == 2);
    CHECK(RouterHarness::decoded<wire::ErrorFrame>(answers[0]).code == wire::ErrorCode::kBadId);
    CHECK(RouterHarness::decoded<wire::ErrorFrame>(answers[1]).code ==
          wire::ErrorCode::kListNeeded);
}

TEST_CASE("backlog: who may not send a long list is told before it is read", "[router]") {
    RouterHarness broker;
    const std::string list = RouterHarness::list(1, true, true, ids(0, 5000)) + "!";
    CHECK(broker.refused("stranger", list) == wire::ErrorCode::kHelloFirst);
    broker.join_sender("s", 1);
    CHECK(broker.refused("s", list) == wire::ErrorCode::kWrongRole);
}

TEST_CASE("backlog: a node is not silent while its frames wait", "[router]") {
    RouterHarness broker(few_ids());
    broker.join_node("n", 1, "n");
    broker.turn();
    broker.say("n", RouterHarness::login(1, ids(0, 1000)));
    for (int i = 0; i < 8; ++i) {
        broker.now += 900ms; // a very busy broker
        broker.turn();
    }
    CHECK_FALSE(broker.reported(RouterEvent::Kind::kDied, "n"));
    finish(broker);
    CHECK(broker.who("id-999") == R"({"id":"id-999","nodes":["n"]})");
}

} // namespace backlog_test
