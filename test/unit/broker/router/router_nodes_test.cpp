// Router: logins, logouts and lists; subscriptions; the feed's heartbeats and resends.
#include "test/unit/broker/router/router_harness.hpp"

namespace router_nodes_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using wire::ErrorCode;
using Kind = RouterEvent::Kind;

namespace {

const std::string kOnNode = R"(","nodes":["node"]})";
const std::string kNowhere = R"(","nodes":[]})";

std::string held(const std::string& id) {
    return R"({"id":")" + id + kOnNode;
}
std::string not_held(const std::string& id) {
    return R"({"id":")" + id + kNowhere;
}

std::vector<wire::Batch> batches(const RouterHarness& broker) {
    std::vector<wire::Batch> all;
    for (const Published& one : broker.published) {
        all.push_back(RouterHarness::decoded<wire::Batch>(one.frame));
    }
    return all;
}

} // namespace

TEST_CASE("router: login changes are applied in order, once", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a", "b"}));
    broker.say("n", RouterHarness::logout(2, {"a", "never"}));
    CHECK(broker.who("a") == not_held("a"));
    CHECK(broker.who("b") == held("b"));
    broker.say("n", RouterHarness::login(1, {"a"})); // applied before
    CHECK(broker.who("a") == not_held("a"));
    CHECK(broker.take("n").empty());
    CHECK(broker.ask<wire::Heartbeat>("n", RouterHarness::heartbeat(0, 2, {"b"})).change == 2);
    CHECK(broker.counter(table::BrokerCounter::kLogins) == 2);
    CHECK(broker.counter(table::BrokerCounter::kLogouts) == 1);
}

TEST_CASE("router: after a missing change no change is applied until the list comes", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    CHECK(broker.refused("n", RouterHarness::login(3, {"c"})) == ErrorCode::kListNeeded);
    broker.say("n", RouterHarness::login(2, {"b"}));
    CHECK(broker.take("n").empty());
    CHECK(broker.who("a") == held("a"));
    CHECK(broker.who("b") == not_held("b"));
    CHECK(broker.who("c") == not_held("c"));

    broker.say("n", RouterHarness::list(4, true, false, {"b"}));
    CHECK(broker.who("a") == held("a")); // until the list is complete
    broker.say("n", RouterHarness::list(4, false, false, {"c"}));
    broker.say("n", RouterHarness::list(4, false, true, {"d"}));
    CHECK(broker.who("a") == not_held("a"));
    CHECK(broker.who("d") == held("d"));
    broker.say("n", RouterHarness::login(5, {"e"}));
    CHECK(broker.who("e") == held("e"));
    CHECK(broker.take("n").empty());
    CHECK(broker.counter(table::BrokerCounter::kLists) == 1);
}

TEST_CASE("router: a heartbeat that names a lost change is answered by list-needed", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    broker.say("n", RouterHarness::heartbeat(0, 0));
    CHECK(broker.take("n").size() == 1);
    broker.now += 100ms;
    CHECK(broker.refused("n", RouterHarness::heartbeat(0, 2)) == ErrorCode::kListNeeded);
    broker.say("n", RouterHarness::list(2, true, true, {"a"}));
    broker.say("n", RouterHarness::heartbeat(0, 2, {"a"}));
    CHECK(broker.take("n").empty());
}

TEST_CASE("router: parts of a list that do not follow each other are refused", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    CHECK(broker.refused("n", RouterHarness::list(1, false, true, {"x"})) ==
          ErrorCode::kListNeeded);

    broker.say("n", RouterHarness::list(1, true, false, {"a"}));
    SECTION("a part of another list") {
        CHECK(broker.refused("n", RouterHarness::list(2, false, true, {"x"})) ==
              ErrorCode::kListNeeded);
    }
    SECTION("a login in between") {
        CHECK(broker.refused("n", RouterHarness::login(2, {"x"})) == ErrorCode::kListNeeded);
    }
    CHECK(broker.who("x") == not_held("x"));
    CHECK(broker.refused("n", RouterHarness::list(1, false, true, {})) == ErrorCode::kListNeeded);
    broker.say("n", RouterHarness::list(2, true, true, {"b"}));
    CHECK(broker.who("a") == not_held("a"));
    CHECK(broker.who("b") == held("b"));
}

TEST_CASE("router: a list that begins again replaces the unfinished one", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    broker.say("n", RouterHarness::list(1, true, false, {"a"}));
    broker.say("n", RouterHarness::list(1, true, false, {"b"}));
    broker.say("n", RouterHarness::list(1, false, true, {"c"}));
    CHECK(broker.who("a") == not_held("a"));
    CHECK(broker.who("b") == held("b"));
    CHECK(broker.who("c") == held("c"));
}

namespace {

/// A broker with room for four ids: "n" (incarnation 1) holds a and b, "m" (2) holds a and c.
class FullTable : public RouterHarness {
  public:
    FullTable() : RouterHarness(four_ids()) {
        join_node("n", 1, "node");
        join_node("m", 2, "other");
        say("n", login(1, {"a", "b"}));
        say("m", login(1, {"a", "c"}));
    }
    /// How many ERRORs "m", which holds `ids`, gets in answer to this many heartbeats.
    std::size_t lists_asked(int heartbeats, std::uint64_t change,
                            const std::vector<std::string>& ids) {
        std::size_t asked = 0;
        for (int i = 0; i < heartbeats; ++i) {
            pass(1s);
            say("n", heartbeat(0, 1, {"a", "b"}));
            say("m", heartbeat(0, change, ids));
            for (const std::string& frame : take("m")) {
                if (static_cast<unsigned char>(frame[3]) == 0xFF) {
                    CHECK(decoded<wire::ErrorFrame>(frame).code == ErrorCode::kListNeeded);
                    ++asked;
                }
            }
        }
        return asked;
    }

  private:
    static RouterOptions four_ids() {
        RouterOptions options;
        options.ids_max = 4;
        return options;
    }
};

} // namespace

TEST_CASE("router: ids beyond the limit are refused, and the node gets an ERROR", "[router]") {
    FullTable broker;
    const auto error = broker.ask<wire::ErrorFrame>("m", RouterHarness::login(2, {"d", "a", "e"}));
    CHECK(error.code == ErrorCode::kOverloaded);
    CHECK(error.kind == static_cast<std::uint8_t>(wire::Kind::kLogin));
    CHECK(broker.who("d") == not_held("d"));
    CHECK(broker.counter(table::BrokerCounter::kLogins) == 4);
    CHECK(broker.counter(table::BrokerCounter::kLoginsRefused) == 2);
    // Ids that it holds may be named again, and the change counts as applied.
    broker.say("m", RouterHarness::login(3, {"a", "c"}));
    CHECK(broker.take("m").empty());
    CHECK(broker.ask<wire::Heartbeat>("m", RouterHarness::heartbeat(0, 3, {"a", "c", "d", "e"}))
              .change == 3);

    SECTION("it stays so, without lists or other frames") {
        CHECK(broker.lists_asked(30, 3, {"a", "c", "d", "e"}) == 0);
        CHECK(broker.counter(table::BrokerCounter::kDigestMismatches) == 0);
        CHECK(broker.counter(table::BrokerCounter::kErrors) == 1);
    }
    SECTION("room for some ids goes to the next logins") {
        broker.say("m", RouterHarness::logout(4, {"c"}));
        CHECK(broker.lists_asked(5, 4, {"a", "d", "e"}) == 0);
        broker.say("m", RouterHarness::login(5, {"f"}));
        CHECK(broker.take("m").empty());
        CHECK(broker.who("f") == R"({"id":"f","nodes":["other"]})");
    }
    SECTION("room for all ids brings the list, and all are logged in") {
        broker.say("m", RouterHarness::logout(4, {"a", "c"}));
        CHECK(broker.refused("m", RouterHarness::heartbeat(0, 4, {"d", "e"})) ==
              ErrorCode::kListNeeded);
        broker.say("m", RouterHarness::list(5, true, true, {"d", "e"}));
        CHECK(broker.take("m").empty());
        CHECK(broker.who("d") == R"({"id":"d","nodes":["other"]})");
        CHECK(broker.lists_asked(5, 5, {"d", "e"}) == 0);
        CHECK(broker.counter(table::BrokerCounter::kDigestMismatches) == 0);
    }
    SECTION("after logouts of the refused ids it is complete again, and digests count") {
        broker.say("m", RouterHarness::logout(4, {"d", "e"}));
        CHECK(broker.lists_asked(5, 4, {"a", "c"}) == 0);
        CHECK(broker.refused("m", RouterHarness::heartbeat(0, 4, {"a"})) == ErrorCode::kListNeeded);
        CHECK(broker.counter(table::BrokerCounter::kDigestMismatches) == 1);
    }
    SECTION("a node that goes makes room") {
        broker.say("n", wire::encode(wire::Goodbye{}));
        CHECK(broker.refused("m", RouterHarness::heartbeat(0, 3, {"a", "c", "d", "e"})) ==
              ErrorCode::kListNeeded);
        broker.say("m", RouterHarness::list(4, true, true, {"a", "c", "d", "e"}));
        CHECK(broker.take("m").empty());
        CHECK(broker.who("e") == R"({"id":"e","nodes":["other"]})");
    }
}

TEST_CASE("router: a node gets an ERROR for each frame whose ids had no room, however many",
          "[router]") {
    FullTable broker;
    for (std::uint64_t change = 2; change <= 50; ++change) {
        CHECK(broker.refused("m", RouterHarness::login(change, {std::to_string(change)})) ==
              ErrorCode::kOverloaded);
    }
    CHECK(broker.counter(table::BrokerCounter::kErrorsOverloaded) == 49);
    CHECK(broker.counter(table::BrokerCounter::kErrorsUntold) == 0);
}

TEST_CASE("router: a list beyond the limit of ids is refused once, at its end", "[router]") {
    FullTable broker;
    broker.say("m", RouterHarness::list(2, true, false, {"d", "c"}));
    CHECK(broker.take("m").empty());
    const auto error =
        broker.ask<wire::ErrorFrame>("m", RouterHarness::list(2, false, true, {"e"}));
    CHECK(error.code == ErrorCode::kOverloaded);
    CHECK(error.kind == static_cast<std::uint8_t>(wire::Kind::kList));
    // Its "a" was still held when the others came; now there is room for one.
    CHECK(broker.who("c") == R"({"id":"c","nodes":["other"]})");
    CHECK(broker.who("d") == not_held("d"));
    CHECK(broker.lists_asked(3, 2, {"c", "d", "e"}) == 0);
    broker.say("m", RouterHarness::logout(3, {"c"}));
    CHECK(broker.refused("m", RouterHarness::heartbeat(0, 3, {"d", "e"})) ==
          ErrorCode::kListNeeded);
    broker.say("m", RouterHarness::list(4, true, true, {"d", "e"}));
    CHECK(broker.take("m").empty());
    CHECK(broker.who("d") == R"({"id":"d","nodes":["other"]})");
}

TEST_CASE(
    "router: lists are asked for every ten seconds at most, however often room comes and goes",
    "[router]") {
    FullTable broker;
    broker.join_node("k", 3, "third");
    broker.say("m", RouterHarness::login(2, {"d"}));
    std::uint64_t change = 1;
    std::uint64_t of_third = 0;
    std::size_t asked = 0;
    for (int second = 0; second < 30; ++second) {
        broker.say("n", RouterHarness::logout(++change, {"b"})); // room for one
        broker.say("n", RouterHarness::heartbeat(0, change, {"a"}));
        broker.say("m", RouterHarness::heartbeat(0, 2 + asked, {"a", "c", "d"}));
        broker.say("k", RouterHarness::login(++of_third, {"z"})); // takes it first
        for (const std::string& frame : broker.take("m")) {
            if (static_cast<unsigned char>(frame[3]) == 0xFF &&
                RouterHarness::decoded<wire::ErrorFrame>(frame).code == ErrorCode::kListNeeded) {
                ++asked;
                broker.say("m", RouterHarness::list(2 + asked, true, true, {"a", "c", "d"}));
            }
        }
        broker.say("k", RouterHarness::logout(++of_third, {"z"}));
        broker.say("n", RouterHarness::login(++change, {"b"}));
        broker.pass(1s);
    }
    CHECK(asked == 3);
}

TEST_CASE("router: a bad id in a frame keeps the whole frame from being applied", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    std::string frame = RouterHarness::login(1, {"good", "evil"});
    frame[frame.size() - 1] = ' ';
    CHECK(broker.refused("n", frame) == ErrorCode::kBadId);
    CHECK(broker.who("good") == not_held("good"));
    broker.say("n", RouterHarness::login(1, {"good"}));
    CHECK(broker.who("good") == held("good"));
}

TEST_CASE("router: a subscription gets an empty batch at once", "[router]") {
    RouterHarness broker;
    const std::string topic = wire::encode_topic(1);
    SECTION("after HELLO") {
        broker.join_node("n", 1, "node");
        broker.turn();
        CHECK(broker.published.empty());
        broker.router.on_subscription(topic, true);
    }
    SECTION("before HELLO") {
        broker.router.on_subscription(topic, true);
        broker.turn();
        CHECK(broker.published.empty());
        broker.join_node("n", 1, "node");
    }
    CHECK(broker.router.due() <= broker.now);
    broker.turn();
    REQUIRE(broker.published.size() == 1);
    CHECK(broker.published[0].topic == topic);
    CHECK(batches(broker)[0].number == 0);
    CHECK(batches(broker)[0].messages.count() == 0);
    CHECK(broker.reported(Kind::kLive, "node"));

    // A second connection subscribes before the first is gone.
    broker.published.clear();
    broker.router.on_subscription(topic, true);
    broker.turn();
    CHECK(broker.published.size() == 1);
}

TEST_CASE("router: a feed ends with its node, and not with a subscription", "[router]") {
    RouterHarness broker;
    const std::string topic = wire::encode_topic(1);
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    // libzmq passes on the end of subscriptions that never began, as often as anybody likes.
    for (int strays = 0; strays < 3; ++strays) {
        broker.router.on_subscription(topic, false);
    }
    broker.say("s", RouterHarness::send(1, {{"a", "x"}}));
    broker.pass(1ms);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 a x"});
    broker.say("n", RouterHarness::heartbeat(1, 1, {"a"}));
    broker.pass(2100ms);
    CHECK_FALSE(broker.published.empty()); // the heartbeats of the feed go on
    broker.say("n", wire::encode(wire::Goodbye{}));
    broker.published.clear();
    broker.pass(2100ms);
    CHECK(broker.published.empty());
}

TEST_CASE("router: a node whose subscription was ended by a stranger subscribes again",
          "[router]") {
    RouterHarness broker;
    const std::string topic = wire::encode_topic(1);
    broker.router.on_subscription(topic, true);
    broker.router.on_subscription(topic, false); // a stray one, before HELLO
    broker.join_node("n", 1, "node");
    broker.pass(1100ms);
    CHECK(broker.published.empty());
    broker.router.on_subscription(topic, true); // by a new connection
    broker.turn();
    CHECK(broker.published.size() == 1);
}

TEST_CASE("router: topics that cannot belong to a node are ignored and counted", "[router]") {
    RouterHarness broker;
    broker.router.on_subscription("", true);
    broker.router.on_subscription("short", true);
    broker.router.on_subscription("much too long", true);
    broker.router.on_subscription(wire::encode_topic(5), false);
    CHECK(broker.counter(table::BrokerCounter::kSubscriptionsIgnored) == 4);
}

TEST_CASE("router: subscriptions without HELLO are bounded", "[router]") {
    RouterOptions options;
    options.peers_max = 10;
    RouterHarness broker(options);
    for (std::uint64_t i = 1; i <= 100; ++i) {
        broker.router.on_subscription(wire::encode_topic(i), true);
    }
    CHECK(broker.counter(table::BrokerCounter::kSubscriptionsIgnored) == 80);
    // They do not keep a node from its feed.
    broker.join_live_node("n", 1000, "node");
    CHECK(broker.reported(RouterEvent::Kind::kLive, "node"));
    CHECK(broker.counter(table::BrokerCounter::kSubscriptionsIgnored) == 80);
}

TEST_CASE("router: a quiet feed gets an empty batch each heartbeat", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    for (int i = 0; i < 5; ++i) {
        broker.say("n", RouterHarness::heartbeat(0, 0));
        broker.pass(1s);
    }
    CHECK(broker.published.size() >= 4);
    CHECK(broker.published.size() <= 6);
}

TEST_CASE("router: a node hears its feed each heartbeat, whenever messages come", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"1"}));
    broker.join_sender("s", 2);
    std::uint64_t sent = 0;
    Time heard = broker.now;
    Duration longest = 0s;
    for (int step = 0; step < 400; ++step) {
        broker.say("n", RouterHarness::heartbeat(sent, 1, {"1"}));
        if (step % 41 == 0) { // every other heartbeat, a little later each time
            broker.say("s", RouterHarness::send(++sent, {{"1", "x"}}));
        }
        const std::size_t before = broker.published.size();
        broker.pass(50ms);
        if (broker.published.size() > before) {
            longest = std::max<Duration>(longest, broker.now - heard);
            heard = broker.now;
        }
    }
    CHECK(sent > 5);
    CHECK(longest <= 1500ms);
}

TEST_CASE("router: heartbeats are answered, but not more than twice an interval", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    static_cast<void>(broker.take("n"));
    for (int i = 0; i < 20; ++i) {
        broker.say("n", RouterHarness::heartbeat(0, 0));
        broker.now += 100ms;
    }
    CHECK(broker.take("n").size() == 4);
}

TEST_CASE("router: batches are kept until acknowledged, and sent again on request", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        broker.say("s", RouterHarness::send(i, {{"a", std::to_string(i)}}));
        broker.pass(1ms);
    }
    CHECK(broker.take_messages() == std::vector<std::string>{"1 a 1", "1 a 2", "1 a 3"});
    broker.say("n", wire::encode(wire::Resend{2, 3}));
    broker.turn();
    REQUIRE(broker.published.size() == 2);
    CHECK(batches(broker)[0].number == 2);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 a 2", "1 a 3"});
    CHECK(broker.counter(table::BrokerCounter::kBatchesResent) == 2);
    CHECK(broker.counter(table::BrokerCounter::kResendRequests) == 1);

    broker.say("n", RouterHarness::heartbeat(3, 1, {"a"}));
    CHECK(broker.query("nodes").find(R"("unacknowledged_bytes":0)") != std::string::npos);
    broker.say("n", wire::encode(wire::Resend{900, 1000})); // never published
    broker.turn();
    CHECK(broker.published.empty());
}

TEST_CASE("router: numbers of another feed are ignored", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    broker.say("s", RouterHarness::send(1, {{"a", "x"}}));
    broker.pass(1ms);
    broker.published.clear();
    const std::uint64_t other = 999;
    wire::Heartbeat heartbeat{.feed = 1, .change = 1, .digest = wire::id_digest("a")};
    heartbeat.ledger.received = 77;
    heartbeat.feed_incarnation = other;
    broker.say("n", wire::encode(heartbeat));
    CHECK(broker.query("nodes").find(R"("unacknowledged_bytes":0)") == std::string::npos);
    CHECK(broker.query("ledger").find("77") == std::string::npos);
    broker.say("n", wire::encode(wire::Resend{1, 1, other}));
    broker.turn();
    CHECK(broker.published.empty());
    CHECK(broker.counter(table::BrokerCounter::kResendsIgnored) == 1);
}

TEST_CASE("router: a node that asks again and again gets so many resends a second", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    broker.say("s", RouterHarness::send(1, {{"a", "x"}}));
    broker.pass(1ms);
    for (int i = 0; i < 100; ++i) {
        broker.say("n", wire::encode(wire::Resend{1, 1}));
        broker.turn();
    }
    CHECK(broker.counter(table::BrokerCounter::kResendRequests) == 100);
    CHECK(broker.counter(table::BrokerCounter::kBatchesResent) == 10);
    CHECK(broker.counter(table::BrokerCounter::kResendsIgnored) == 90);
    broker.pass(100ms);
    broker.say("n", wire::encode(wire::Resend{1, 1}));
    broker.turn();
    CHECK(broker.counter(table::BrokerCounter::kBatchesResent) == 11);
}

TEST_CASE("router: messages that a node does not take are shed, and the node learns that",
          "[router]") {
    RouterOptions options;
    options.feed = {.window_bytes = 65'536, .bound_bytes = 65'536 + wire::kFrameBytesMax};
    RouterHarness broker(options);
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    for (std::uint64_t i = 1; i <= 100; ++i) {
        broker.say("s", RouterHarness::send(i, {{"a", std::string(60'000, 'x')}}));
        broker.turn();
    }
    CHECK(broker.counter(table::BrokerCounter::kMessagesShed) > 0);
    CHECK(broker.reported(Kind::kShed, "node"));
    const std::uint64_t shed = broker.counter(table::BrokerCounter::kMessagesShed);

    // It learns of each lost batch when it goes on.
    std::uint64_t told = 0;
    std::uint64_t got = 0;
    std::uint64_t applied = 0;
    for (int i = 0; i < 200; ++i) {
        for (const wire::Batch& batch : batches(broker)) {
            told += batch.shed_count;
            got += batch.messages.count();
            applied = std::max(applied, batch.number);
        }
        broker.published.clear();
        broker.say("n", RouterHarness::heartbeat(applied, 1, {"a"}));
        broker.pass(1ms);
    }
    CHECK(told == shed);
    CHECK(told + got == 100);
}

} // namespace router_nodes_test
