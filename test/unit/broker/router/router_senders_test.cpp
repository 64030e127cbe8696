// Router: sends, receipts, repeats, and when a sender gets credit.
#include "test/unit/broker/router/router_harness.hpp"

#include <nlohmann/json.hpp>

namespace router_senders_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using wire::ErrorCode;

namespace {

constexpr std::uint32_t kWindow = 262'144;

/// A SEND of at least a quarter of the window.
std::string quarter_window(std::uint64_t first, const std::string& id) {
    return RouterHarness::send(first, {{id, std::string(kWindow / 4, 'x')}});
}

std::optional<std::uint64_t> credit(RouterHarness& broker, const std::string& connection) {
    const auto frames = broker.take(connection);
    if (frames.empty()) {
        return std::nullopt;
    }
    return RouterHarness::decoded<wire::Credit>(frames.back(), wire::Role::kSender).through;
}

/// A broker with one node that holds "a" and lets its feed's window run full, and one sender.
class FullWindow : public RouterHarness {
  public:
    FullWindow() : RouterHarness(small_feed()) {
        join_live_node("n", 1, "node");
        say("n", login(1, {"a"}));
        say("n", heartbeat(0, 1, {"a"}));
        join_sender("s", 2);
        // The first fills the window, the second waits for it.
        say("s", quarter_window(1, "a"));
        turn();
        say("s", quarter_window(2, "a"));
        turn();
        static_cast<void>(take("s"));
    }
    /// The node applies one more batch.
    void acknowledge() { say("n", heartbeat(++acknowledged_, 1, {"a"})); }

  private:
    static RouterOptions small_feed() {
        RouterOptions options;
        options.feed.window_bytes = 65'536;
        return options;
    }
    std::uint64_t acknowledged_ = 0;
};

} // namespace

TEST_CASE("router: a message goes to every node that holds its id, at once", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.join_live_node("m", 2, "other");
    broker.say("n", RouterHarness::login(1, {"a", "b"}));
    broker.say("m", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 3);
    broker.now += 10ms;
    broker.say("s", RouterHarness::send(1, {{"a", "x"}, {"b", "y"}, {"nobody", "z"}}));
    CHECK(broker.router.due() <= broker.now);
    broker.turn();
    auto messages = broker.take_messages();
    std::sort(messages.begin(), messages.end());
    CHECK(messages == std::vector<std::string>{"1 a x", "1 b y", "2 a x"});
    CHECK(broker.counter(table::BrokerCounter::kMessagesIn) == 3);
    CHECK(broker.counter(table::BrokerCounter::kMessagesRouted) == 3);
    CHECK(broker.counter(table::BrokerCounter::kMessagesVoid) == 1);
    CHECK(broker.take("s").empty());
}

TEST_CASE("router: messages keep their order, and busy feeds gather", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    std::vector<std::string> expected;
    for (std::uint64_t i = 1; i <= 100; ++i) {
        broker.say("s", RouterHarness::send(i, {{"a", std::to_string(i)}}));
        expected.push_back("1 a " + std::to_string(i));
        broker.pass(50us);
    }
    broker.pass(1ms);
    CHECK(broker.published.size() <= 15);
    CHECK(broker.take_messages() == expected);
}

TEST_CASE("router: messages for a node that is not live wait for it", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    broker.say("s", RouterHarness::send(1, {{"a", "early"}}));
    broker.pass(10ms);
    CHECK(broker.published.empty());
    broker.router.on_subscription(wire::encode_topic(1), true);
    broker.pass(10ms);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 a early"});
}

TEST_CASE("router: a receipt says how many nodes hold each id", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.join_live_node("m", 2, "other");
    broker.say("n", RouterHarness::login(1, {"a", "b"}));
    broker.say("m", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 3, 6);
    const auto receipt = broker.ask<wire::Receipt>(
        "s",
        RouterHarness::send(7, {{"b", ""}, {"a", ""}, {"nobody", ""}}, wire::Confirm::kReceipt));
    CHECK(receipt.first == 7);
    REQUIRE(receipt.count == 3);
    CHECK(receipt.outcome(0).nodes == 1);
    CHECK(receipt.outcome(1).nodes == 2);
    CHECK(receipt.outcome(2).nodes == 0);
    // Earlier numbers were for another broker, as the HELLO said; later gaps are losses.
    CHECK(broker.counter(table::BrokerCounter::kMessagesMissing) == 0);
    broker.say("s", RouterHarness::heartbeat(0, 11));
    broker.say("s", RouterHarness::send(12, {{"a", ""}}));
    CHECK(broker.counter(table::BrokerCounter::kMessagesMissing) == 2);
}

TEST_CASE("router: a number jumps only by what its sender told of on the same connection",
          "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    broker.say("s", RouterHarness::send(1, {{"a", "1"}}));
    const auto confirm =
        GENERATE(wire::Confirm::kNothing, wire::Confirm::kReceipt, wire::Confirm::kAcknowledgement);
    for (const std::uint64_t first : {std::uint64_t{3}, std::uint64_t{1} << 63U}) {
        CHECK(broker.refused("s", RouterHarness::send(first, {{"a", "forged"}}, confirm)) ==
              ErrorCode::kMalformed);
    }
    broker.say("s", RouterHarness::send(2, {{"a", "2"}})); // the refused ones changed nothing
    SECTION("by HEARTBEAT") {
        broker.say("s", RouterHarness::heartbeat(0, 4));
        broker.say("s", RouterHarness::send(5, {{"a", "5"}}));
    }
    SECTION("by HELLO") {
        broker.say("s", RouterHarness::heartbeat(0, 3));
        broker.gone.insert("s");
        broker.join_sender("t", 2, 4);
        broker.say("t", RouterHarness::send(5, {{"a", "5"}}));
    }
    broker.pass(1ms);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 a 1", "1 a 2", "1 a 5"});
    CHECK(broker.counter(table::BrokerCounter::kMessagesMissing) == 2);
    CHECK(broker.counter(table::BrokerCounter::kMessagesRepeated) == 0);
}

TEST_CASE("router: an earlier connection's word lets no number jump", "[router]") {
    RouterHarness broker;
    broker.join_sender("s", 2);
    broker.say("s", RouterHarness::heartbeat(0, 9));
    broker.gone.insert("s");
    broker.join_sender("t", 2, 0);
    CHECK(broker.refused("t", RouterHarness::send(2, {{"a", ""}})) == ErrorCode::kMalformed);
}

TEST_CASE("router: a sender can have lost no more than its windows hold", "[router]") {
    RouterHarness broker;
    broker.join_sender("s", 2);
    constexpr std::uint64_t kImpossible = std::uint64_t{1} << 60U;
    CHECK(broker.refused("s", RouterHarness::heartbeat(0, kImpossible)) == ErrorCode::kMalformed);
    CHECK(broker.refused("s", wire::encode(wire::Hello{2, wire::Role::kSender, "sender",
                                                       kImpossible})) == ErrorCode::kMalformed);
    const auto missing = [&] {
        return nlohmann::json::parse(broker.query("ledger")).at("senders").at("missing");
    };
    CHECK(missing() == 0);
    // As many of the smallest messages as one frame holds, which may be larger than the window.
    constexpr std::uint64_t kMostInWindow = wire::kFrameBytesMax / wire::message_bytes(1, 0);
    broker.say("s", RouterHarness::heartbeat(0, kMostInWindow));
    CHECK(missing() == kMostInWindow);
    CHECK(broker.refused("s", RouterHarness::heartbeat(0, kMostInWindow + 1)) ==
          ErrorCode::kMalformed);
    broker.join_sender("s", 2, kMostInWindow); // each WELCOME gives another window
    broker.say("s", RouterHarness::heartbeat(0, 2 * kMostInWindow));
    CHECK(missing() == 2 * kMostInWindow);
}

TEST_CASE("router: a repeated message goes out once", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    broker.say("s", RouterHarness::send(1, {{"a", "1"}, {"a", "2"}}));
    broker.gone.insert("s");
    CHECK(broker.join_sender("s2", 2).credited == 2);
    const auto receipt =
        broker.ask<wire::Receipt>("s2", RouterHarness::send(1, {{"a", "1"}, {"a", "2"}, {"a", "3"}},
                                                            wire::Confirm::kReceipt));
    CHECK(receipt.count == 3);
    CHECK_FALSE(receipt.outcome(0).nodes); // the receipt of the first copy is not remembered
    CHECK_FALSE(receipt.outcome(1).nodes);
    CHECK(receipt.outcome(2).nodes == 1);
    broker.pass(1ms);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 a 1", "1 a 2", "1 a 3"});
    CHECK(broker.counter(table::BrokerCounter::kMessagesRepeated) == 2);
}

TEST_CASE("router: a message's number is at most 2^64 - 2", "[router]") {
    constexpr std::uint64_t kLargest = UINT64_MAX - 1;
    const auto confirm = GENERATE(wire::Confirm::kNothing, wire::Confirm::kAcknowledgement);
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2, kLargest - 2);
    const auto refused = [&](std::uint64_t first, const RouterHarness::Messages& messages) {
        return broker.refused("s", RouterHarness::send(first, messages, confirm));
    };
    CHECK(refused(UINT64_MAX, {{"a", "1"}}) == ErrorCode::kMalformed);
    CHECK(refused(UINT64_MAX, {{"a", "1"}, {"a", "2"}}) == ErrorCode::kMalformed);
    CHECK(refused(kLargest, {{"a", "1"}, {"a", "2"}}) == ErrorCode::kMalformed);
    CHECK(refused(kLargest - 1, {{"a", "1"}, {"a", "2"}, {"a", "3"}}) == ErrorCode::kMalformed);
    broker.pass(1ms);
    CHECK(broker.take_messages().empty());
    CHECK(broker.counter(table::BrokerCounter::kMessagesIn) == 0);
    broker.say("s", RouterHarness::send(kLargest - 1, {{"a", "1"}, {"a", "2"}}, confirm));
    broker.pass(1ms);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 a 1", "1 a 2"});
}

TEST_CASE("router: after the last number no message is missing, whatever is repeated", "[router]") {
    constexpr std::uint64_t kLargest = UINT64_MAX - 1;
    RouterHarness broker;
    broker.join_sender("s", 2, kLargest - 3);
    broker.say("s", RouterHarness::heartbeat(0, kLargest));
    broker.say("s", RouterHarness::send(kLargest, {{"a", "1"}}));
    const std::uint64_t missing = broker.counter(table::BrokerCounter::kMessagesMissing);
    CHECK(missing == 2);
    broker.say("s", RouterHarness::send(5, {{"a", "1"}}));
    CHECK(broker.counter(table::BrokerCounter::kMessagesMissing) == missing);
    CHECK(broker.counter(table::BrokerCounter::kMessagesRepeated) == 1);
}

TEST_CASE("router: credit comes with a quarter of the window", "[router]") {
    RouterHarness broker;
    broker.join_sender("s", 1);
    std::uint64_t number = 0;
    std::size_t bytes = 0;
    while (!credit(broker, "s")) {
        const std::string frame =
            RouterHarness::send(++number, {{"nobody", std::string(999, 'x')}});
        bytes += frame.size();
        broker.say("s", frame);
        broker.turn();
        REQUIRE(bytes <= kWindow / 4 + 2000);
    }
    CHECK(bytes >= kWindow / 4);
    CHECK(broker.counter(table::BrokerCounter::kCreditsGiven) == 1);
    broker.pass(1s);
    CHECK(broker.take("s").empty());
}

TEST_CASE("router: a turn gives a sender one CREDIT for everything it took in", "[router]") {
    RouterHarness broker;
    broker.join_sender("s", 1);
    for (std::uint64_t i = 1; i <= 4; ++i) {
        broker.say("s", quarter_window(i, "nobody"));
    }
    broker.turn();
    const auto frames = broker.take("s");
    REQUIRE(frames.size() == 1);
    CHECK(RouterHarness::decoded<wire::Credit>(frames[0], wire::Role::kSender).through == 4);
}

TEST_CASE("router: a sender's heartbeat is answered with the number of messages taken in",
          "[router]") {
    RouterHarness broker;
    broker.join_sender("s", 1);
    broker.say("s", RouterHarness::send(1, {{"a", ""}, {"b", ""}}));
    const auto answer = broker.ask<wire::Heartbeat>("s", RouterHarness::heartbeat(0, 2));
    CHECK(answer.change == 2);
    CHECK(answer.feed == 0);
}

TEST_CASE("router: credit is held back while a node that makes progress is behind", "[router]") {
    FullWindow broker;
    broker.say("s", quarter_window(3, "a"));
    broker.turn();
    CHECK_FALSE(credit(broker, "s"));
    CHECK(broker.counter(table::BrokerCounter::kCreditsWithheld) == 1);

    SECTION("the heartbeat does not give it away") {
        CHECK(broker.ask<wire::Heartbeat>("s", RouterHarness::heartbeat(0, 3)).change < 3);
    }
    SECTION("until it has caught up") {
        for (int i = 0; i < 3; ++i) {
            broker.acknowledge();
            broker.pass(1ms);
        }
        CHECK(credit(broker, "s") == 3U);
    }
    SECTION("but only for a second") {
        for (int i = 0; i < 9; ++i) {
            broker.pass(100ms);
            // It goes on, but never catches up: each applied batch is replaced by a new one.
            broker.join_sender("t", 9);
            broker.say("t", quarter_window(static_cast<std::uint64_t>(i) + 1, "a"));
            broker.acknowledge();
        }
        CHECK_FALSE(credit(broker, "s"));
        broker.pass(150ms);
        CHECK(credit(broker, "s") == 3U);
    }
    SECTION("a stalled node does not hold senders back") {
        broker.pass(400ms);
        CHECK_FALSE(credit(broker, "s"));
        broker.pass(150ms);
        CHECK(credit(broker, "s") == 3U);
    }
    SECTION("a departing node does not hold senders back") {
        broker.say("n", wire::encode(wire::Goodbye{}));
        broker.turn();
        CHECK(credit(broker, "s") == 3U);
    }
}

TEST_CASE("router: a node that is slow for five seconds holds no sender back any more",
          "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    std::uint64_t sent = 0;
    std::uint64_t acknowledged = 0;
    const auto send = [&] { broker.say("s", quarter_window(++sent, "a")); };
    const auto tenth = [&] {
        broker.say("n", RouterHarness::heartbeat(acknowledged, 1, {"a"}));
        broker.pass(100ms);
    };
    while (sent < 8) { // twice its window
        send();
    }
    // It takes more than a second for a window, and there is always more.
    int tenths = 0;
    for (; tenths < 400 && !broker.reported(RouterEvent::Kind::kBehind, "node"); ++tenths) {
        if (tenths % 4 == 0) {
            ++acknowledged;
            send();
        }
        tenth();
    }
    CHECK(tenths >= 50);
    CHECK(tenths < 250);
    CHECK(broker.counter(table::BrokerCounter::kNodesBehind) == 1);
    CHECK(broker.query("nodes").find(R"("behind":true)") != std::string::npos);
    tenth();
    static_cast<void>(broker.take("s"));
    const std::uint64_t withheld = broker.counter(table::BrokerCounter::kCreditsWithheld);
    CHECK(withheld > 0);
    for (int more = 0; more < 20; ++more) {
        send();
        tenth();
        CHECK(credit(broker, "s"));
    }
    CHECK(broker.counter(table::BrokerCounter::kCreditsWithheld) == withheld);
}

TEST_CASE("router: a node far slower than others is left behind, however senders slow down",
          "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "slow");
    broker.say("n", RouterHarness::login(1, {"a"}));
    const bool has_other = GENERATE(true, false);
    if (has_other) {
        broker.join_live_node("m", 7, "quick");
        broker.say("m", RouterHarness::login(1, {"a"}));
    }
    broker.join_sender("s", 2);
    std::uint64_t sent = 0;
    std::uint64_t under_way = 0; // of the sender, in quarters of its window
    std::uint64_t acknowledged = 0;
    int tenths = 0;
    for (; tenths < 100 && !broker.reported(RouterEvent::Kind::kBehind, "slow"); ++tenths) {
        // The quick one takes a batch in a millisecond, the slow one in a tenth of a second.
        for (int ms = 0; ms < 100; ++ms) {
            for (; under_way < 4; ++under_way) {
                broker.say("s", quarter_window(++sent, "a"));
            }
            broker.turn();
            if (has_other) {
                broker.say("m", RouterHarness::heartbeat(sent, 1, {"a"}));
            }
            broker.pass(1ms);
            under_way = credit(broker, "s") ? 0 : under_way;
        }
        broker.say("n", RouterHarness::heartbeat(++acknowledged, 1, {"a"}));
    }
    CHECK(broker.reported(RouterEvent::Kind::kBehind, "slow") == has_other);
    if (has_other) {
        CHECK(tenths >= 50);
        CHECK(tenths < 70);
    }
}

TEST_CASE("router: a slow node does not hold back senders to others", "[router]") {
    FullWindow broker;
    broker.join_live_node("m", 7, "quick");
    broker.say("m", RouterHarness::login(1, {"b"}));
    broker.join_sender("other", 8);
    static_cast<void>(broker.take("other"));
    broker.say("other", quarter_window(1, "b"));
    broker.turn();
    CHECK(credit(broker, "other") == 1U);
}

TEST_CASE("router: a sender that leaves while credit is owed is forgotten", "[router]") {
    FullWindow broker;
    broker.say("s", quarter_window(3, "a"));
    broker.turn();
    broker.say("s", wire::encode(wire::Goodbye{}));
    broker.pass(2s);
    CHECK(broker.take("s").empty());
    CHECK(broker.counter(table::BrokerCounter::kSenders) == 0);
}

TEST_CASE("router: a sender hears how long nodes may still be on their way", "[router]") {
    RouterHarness broker;
    CHECK(broker.join_sender("s", 1).settles_in_ms == 3000);
    broker.join_live_node("n", 2, "node");
    for (int second = 0; second < 4; ++second) {
        broker.pass(1s);
        broker.say("n", RouterHarness::heartbeat(0, 0));
    }
    CHECK(broker.join_sender("s", 1).settles_in_ms == 0);
    broker.pass(3100ms);
    REQUIRE(broker.reported(RouterEvent::Kind::kDied, "node"));
    const std::uint32_t left = broker.join_sender("s", 1).settles_in_ms;
    CHECK(left > 2500);
    CHECK(left <= 3000);
}

} // namespace router_senders_test
