// Router: HELLO in every state, which peer may send what, errors and their limit, death,
// replacement.
#include "test/unit/broker/router/router_harness.hpp"

#include <nlohmann/json.hpp>

#include <random>

namespace router_peers_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using wire::ErrorCode;
using Kind = RouterEvent::Kind;

namespace {

std::string hello(std::uint64_t incarnation, wire::Role role, const std::string& name) {
    return wire::encode(wire::Hello{incarnation, role, name});
}

/// One frame of each kind that needs a HELLO first.
std::map<std::string, std::string> frames_of_members() {
    return {{"GOODBYE", wire::encode(wire::Goodbye{})},
            {"HEARTBEAT", RouterHarness::heartbeat(0, 0)},
            {"LOGIN", RouterHarness::login(1, {"a"})},
            {"LOGOUT", RouterHarness::logout(1, {"a"})},
            {"LIST", RouterHarness::list(0, true, true, {"a"})},
            {"RESEND", wire::encode(wire::Resend{1, 1})},
            {"SEND", RouterHarness::send(1, {{"a", "x"}})},
            {"ANSWER", wire::encode(wire::Answer{1, "{}"})}};
}

std::map<std::string, std::string> frames_of_brokers() {
    return {{"BATCH", wire::encode_empty_batch(1, 1)},
            {"WELCOME", wire::encode(wire::Welcome{1, "b", 1, 1, {}, wire::NodeWelcome{}})},
            {"CREDIT", wire::encode(wire::Credit{1})},
            {"RECEIPT", wire::OutcomesWriter{}.finish_receipt(1)},
            {"PONG", wire::encode(wire::Pong{1})},
            {"ERROR", wire::encode(wire::ErrorFrame{ErrorCode::kMalformed, 0, "no"})}};
}

} // namespace

TEST_CASE("router: PING and QUERY need no HELLO, everything else does", "[router]") {
    RouterHarness broker;
    CHECK(broker.ask<wire::Pong>("c", wire::encode(wire::Ping{77})).token == 77);
    CHECK(broker.ask<wire::Answer>("c", wire::encode(wire::Query{78, "nodes", ""})).token == 78);
    for (const auto& [name, frame] : frames_of_members()) {
        INFO(name);
        const auto error = broker.ask<wire::ErrorFrame>("c", frame);
        CHECK(error.code == ErrorCode::kHelloFirst);
        CHECK(error.kind == static_cast<std::uint8_t>(frame[3]));
        broker.now += 1s;
    }
    CHECK(broker.who("a") == R"({"id":"a","nodes":[]})");
}

TEST_CASE("router: frames that only a broker sends are refused, with and without HELLO",
          "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    for (const auto& [name, frame] : frames_of_brokers()) {
        INFO(name);
        CHECK(broker.refused("stranger", frame) == ErrorCode::kUnknownKind);
        CHECK(broker.refused("n", frame) == ErrorCode::kUnknownKind);
    }
}

TEST_CASE("router: each role has its frames", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    broker.join_sender("s", 2);
    auto frames = frames_of_members();
    CHECK(broker.refused("n", frames["SEND"]) == ErrorCode::kWrongRole);
    for (const char* name : {"LOGIN", "LOGOUT", "LIST", "RESEND"}) {
        INFO(name);
        CHECK(broker.refused("s", frames[name]) == ErrorCode::kWrongRole);
    }
    CHECK(broker.who("a") == R"({"id":"a","nodes":[]})");
}

TEST_CASE("router: bytes that are not a frame are refused in every state", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    for (const char* connection : {"stranger", "n"}) {
        CHECK(broker.refused(connection, "") == ErrorCode::kMalformed);
        CHECK(broker.refused(connection, "ZC\x01") == ErrorCode::kMalformed);
        CHECK(broker.refused(connection, "XX\x01\x40") == ErrorCode::kMalformed);
        CHECK(broker.refused(connection, std::string("ZC\x02\x40")) == ErrorCode::kVersion);
        CHECK(broker.refused(connection, std::string("ZC\x01\x77")) == ErrorCode::kUnknownKind);
        CHECK(broker.refused(connection, std::string("ZC\x01\x40 short")) == ErrorCode::kMalformed);
        CHECK(broker.refused(connection, wire::encode(wire::Ping{1}) + "x") ==
              ErrorCode::kMalformed);
        CHECK(broker.refused(connection, std::string(wire::kFrameBytesMax + 1, 'x')) ==
              ErrorCode::kMalformed);
    }
    CHECK(broker.counter(table::BrokerCounter::kErrors) == 16);
    CHECK(broker.counter(table::BrokerCounter::kErrorsMalformed) == 12);
    CHECK(broker.counter(table::BrokerCounter::kErrorsVersion) == 2);
}

TEST_CASE("router: a WELCOME says all that a node needs", "[router]") {
    RouterOptions options;
    options.name = "hub";
    options.list = {9, 0xABC};
    RouterHarness broker(options);
    const auto welcome = broker.ask<wire::Welcome>("n", hello(1, wire::Role::kNode, "node"));
    CHECK(welcome.incarnation == kBrokerIncarnation);
    CHECK(welcome.name == "hub");
    CHECK(welcome.heartbeat_ms == 1000);
    CHECK(welcome.liveness_ms == 3000);
    CHECK(welcome.list == wire::ListMark{9, 0xABC});
    const auto& part = std::get<wire::NodeWelcome>(welcome.part);
    CHECK(part.feed_endpoint == "tcp://127.0.0.1:5556");
    CHECK(part.feed_incarnation == 1);
    CHECK(part.changes_applied == 0);
    CHECK(part.feed_published == 0);
    CHECK(broker.join_sender("s", 2).window_bytes == 256 * 1024);
    CHECK(broker.join_sender("s", 2).credited == 0);
}

TEST_CASE("router: another list of brokers with the same version is refused", "[router]") {
    RouterOptions options;
    options.list = {9, 0xABC};
    RouterHarness broker(options);
    const auto hello_with = [](std::uint64_t incarnation, const wire::ListMark& list) {
        return wire::encode(wire::Hello{.incarnation = incarnation,
                                        .role = wire::Role::kNode,
                                        .name = "node" + std::to_string(incarnation),
                                        .list = list});
    };
    CHECK(broker.refused("a", hello_with(1, {9, 0xABD})) == ErrorCode::kOtherList);
    CHECK(broker.counter(table::BrokerCounter::kErrorsOtherList) == 1);
    CHECK(broker.counter(table::BrokerCounter::kNodesJoined) == 0);
    for (const auto& [incarnation, list] :
         std::map<std::uint64_t, wire::ListMark>{{2, {9, 0xABC}}, {3, {8, 1}}, {4, {}}}) {
        static_cast<void>(
            broker.ask<wire::Welcome>(std::to_string(incarnation), hello_with(incarnation, list)));
    }
    CHECK_FALSE(broker.reported(Kind::kListOld, "node3"));
    for (const std::uint64_t incarnation : {5U, 6U}) {
        static_cast<void>(broker.ask<wire::Welcome>(std::to_string(incarnation),
                                                    hello_with(incarnation, {10, incarnation})));
    }
    CHECK(broker.reported(Kind::kListOld, "node5"));
    CHECK_FALSE(broker.reported(Kind::kListOld, "node6")); // once is enough
    CHECK(broker.query("brokers") == R"({"broker":"broker","version":9,"hash":"0000000000000abc",)"
                                     R"("nodes":{"same":1,"older":1,"newer":2,"without":1},)"
                                     R"("senders":{"same":0,"older":0,"newer":0,"without":0}})");
}

TEST_CASE("router: HELLO of the same process keeps its ids and its feed", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));

    SECTION("over the same connection") {
        const auto welcome = broker.join_node("n", 1, "node");
        CHECK(welcome.feed_incarnation == 1);
        CHECK(welcome.changes_applied == 1);
    }
    SECTION("over a new connection; the old one is then unknown") {
        broker.gone.insert("n");
        CHECK(broker.join_node("n2", 1, "node").changes_applied == 1);
        CHECK(broker.refused("n", RouterHarness::login(2, {"b"})) == ErrorCode::kHelloFirst);
        broker.say("n2", RouterHarness::login(2, {"b"}));
        CHECK(broker.who("b") == R"({"id":"b","nodes":["node"]})");
        CHECK(broker.counter(table::BrokerCounter::kPeersReconnected) == 1);
        CHECK(broker.reported(Kind::kReconnected, "node"));
    }
    SECTION("a list whose rest was lost with the connection is asked for again") {
        broker.say("n", RouterHarness::list(1, true, false, {"a"}));
        broker.gone.insert("n");
        CHECK(broker.join_node("n2", 1, "node").changes_applied == 1);
        CHECK(broker.take("n2").empty());
        broker.say("n2", RouterHarness::heartbeat(0, 1));
        const auto answers = broker.take("n2");
        REQUIRE(answers.size() == 2);
        CHECK(RouterHarness::decoded<wire::ErrorFrame>(answers[0]).code == ErrorCode::kListNeeded);
        broker.say("n2", RouterHarness::list(1, true, true, {"a"}));
        broker.say("n2", RouterHarness::heartbeat(0, 1, {"a"}));
        CHECK(broker.take("n2").empty());
    }
    CHECK(broker.who("a") == R"({"id":"a","nodes":["node"]})");
}

TEST_CASE("router: a living process is not taken over by another connection", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    for (int second = 0; second < 10; ++second) {
        CHECK(broker.refused("thief", hello(1, wire::Role::kNode, "node")) == ErrorCode::kInUse);
        CHECK(broker.refused("thief", hello(2, wire::Role::kSender, "sender")) ==
              ErrorCode::kInUse);
        CHECK(broker.refused("thief", wire::encode(wire::Goodbye{})) == ErrorCode::kHelloFirst);
        broker.pass(1s);
        broker.say("n", RouterHarness::heartbeat(0, 1, {"a"}));
        broker.say("s", RouterHarness::heartbeat(0, 0));
    }
    CHECK(broker.who("a") == R"({"id":"a","nodes":["node"]})");
    CHECK(broker.counter(table::BrokerCounter::kPeersReconnected) == 0);
    CHECK(broker.counter(table::BrokerCounter::kErrorsInUse) == 20);
}

TEST_CASE("router: a process whose old connection hangs comes back before it passes for dead",
          "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.pass(500ms);
    const auto welcomed = [&] {
        const auto frames = broker.take("n2");
        return std::any_of(frames.begin(), frames.end(), [](const std::string& frame) {
            return static_cast<wire::Kind>(static_cast<unsigned char>(frame[3])) ==
                   wire::Kind::kWelcome;
        });
    };
    SECTION("the broker says WELCOME by itself") {
        CHECK(broker.refused("n2", hello(1, wire::Role::kNode, "node")) == ErrorCode::kInUse);
        broker.pass(1400ms);
        CHECK_FALSE(welcomed());
        broker.pass(300ms);
        CHECK(welcomed());
    }
    SECTION("a HELLO after the silence is answered at once") {
        broker.pass(1600ms);
        CHECK(broker.join_node("n2", 1, "node").feed_incarnation == 1);
    }
    CHECK(broker.counter(table::BrokerCounter::kNodesDied) == 0);
    CHECK(broker.who("a") == R"({"id":"a","nodes":["node"]})");
    broker.say("n2", RouterHarness::heartbeat(0, 1, {"a"}));
    CHECK(broker.refused("n", RouterHarness::heartbeat(0, 1)) == ErrorCode::kHelloFirst);
}

TEST_CASE("router: a claim that nobody stands by keeps no dead process", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    CHECK(broker.refused("thief", hello(1, wire::Role::kNode, "node")) == ErrorCode::kInUse);
    broker.gone.insert("thief");
    broker.pass(3100ms);
    CHECK(broker.counter(table::BrokerCounter::kNodesDied) == 1);
}

TEST_CASE("router: a broker that was stopped does not take silence for the end of a connection",
          "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.pass(100ms);
    broker.now += 10s;
    CHECK(broker.refused("thief", hello(1, wire::Role::kNode, "node")) == ErrorCode::kInUse);
}

TEST_CASE("router: a process keeps its role and its name", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    CHECK(broker.refused("x", hello(1, wire::Role::kSender, "node")) == ErrorCode::kWrongRole);
    CHECK(broker.refused("x", hello(1, wire::Role::kNode, "other")) == ErrorCode::kMalformed);
    CHECK(broker.refused("x", RouterHarness::heartbeat(0, 0)) == ErrorCode::kHelloFirst);
    CHECK(broker.ask<wire::Heartbeat>("n", RouterHarness::heartbeat(0, 0)).feed == 0);
}

TEST_CASE("router: HELLO of another process on a connection ends the earlier peer", "[router]") {
    RouterHarness broker;
    broker.join_node("c", 1, "first");
    broker.say("c", RouterHarness::login(1, {"a"}));
    broker.join_node("c", 2, "second");
    CHECK(broker.who("a") == R"({"id":"a","nodes":[]})");
    CHECK(broker.reported(Kind::kLeft, "first"));
    CHECK(broker.counter(table::BrokerCounter::kNodesJoined) == 2);
}

TEST_CASE("router: a newer process replaces the node of its name", "[router]") {
    RouterHarness broker;
    broker.join_live_node("old", 1, "node");
    broker.say("old", RouterHarness::login(1, {"a"}));
    const auto welcome = broker.join_node("new", 2, "node");
    CHECK(welcome.feed_incarnation == 2);
    CHECK(welcome.changes_applied == 0);
    CHECK(broker.who("a") == R"({"id":"a","nodes":[]})");
    CHECK(broker.reported(Kind::kReplaced, "node"));
    for (const auto& [name, frame] : frames_of_members()) {
        INFO(name);
        CHECK(broker.refused("old", frame) == ErrorCode::kReplaced);
    }
    broker.now += 1s;
    CHECK(broker.refused("old", hello(1, wire::Role::kNode, "node")) == ErrorCode::kReplaced);
    CHECK(broker.refused("old2", hello(1, wire::Role::kNode, "node")) == ErrorCode::kReplaced);
    CHECK(broker.counter(table::BrokerCounter::kNodesReplaced) == 1);

    SECTION("and may come back when the newer one has gone") {
        broker.say("new", wire::encode(wire::Goodbye{}));
        CHECK(broker.join_node("old2", 1, "node").feed_incarnation == 3);
        broker.say("old2", RouterHarness::login(1, {"a"}));
        CHECK(broker.who("a") == R"({"id":"a","nodes":["node"]})");
    }
}

TEST_CASE("router: a connection that spoke for two replaced nodes stays replaced for the second",
          "[router]") {
    RouterHarness broker;
    broker.join_node("c", 1, "node");
    broker.join_node("d", 2, "node");
    broker.join_node("c", 3, "node");
    broker.join_node("d", 4, "node");
    broker.say("d", wire::encode(wire::Goodbye{}));
    broker.join_node("e", 1, "node"); // the first may join again, on another connection
    CHECK(broker.refused("c", RouterHarness::heartbeat(0, 0)) == ErrorCode::kReplaced);
}

TEST_CASE("router: senders may share a name", "[router]") {
    RouterHarness broker;
    broker.join_sender("s1", 1);
    broker.join_sender("s2", 2);
    broker.turn();
    CHECK(broker.counter(table::BrokerCounter::kSenders) == 2);
}

TEST_CASE("router: GOODBYE logs out at once", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.say("n", wire::encode(wire::Goodbye{}));
    CHECK(broker.take("n").empty());
    CHECK(broker.who("a") == R"({"id":"a","nodes":[]})");
    CHECK(broker.refused("n", RouterHarness::heartbeat(0, 0)) == ErrorCode::kHelloFirst);
    CHECK(broker.counter(table::BrokerCounter::kNodesLeft) == 1);
    CHECK(broker.router.due() != Time::min());
    broker.pass(1s);
    CHECK(broker.router.due() == kNever);
}

namespace {

constexpr std::uint32_t kLinksPerTurn = 100;
constexpr std::uint32_t kManyTurns = 10;

/// A broker with a node "big" that holds very many ids and "a", a node "small" that holds "a" and
/// "b", and a sender; links are given back `kLinksPerTurn` a turn.
class ManyIds : public RouterHarness {
  public:
    ManyIds() : RouterHarness(few_links()), ids_{"a"} {
        for (std::uint32_t i = 1; i < kManyTurns * kLinksPerTurn; ++i) {
            ids_.push_back(std::to_string(i));
        }
        join_live_node("n", 1, "big");
        join_live_node("m", 2, "small");
        join_sender("s", 3);
        say("n", login(1, ids_));
        say("m", login(1, {"a", "b"}));
        pass(10ms); // so that the feeds are quiet
        CHECK(counter(table::BrokerCounter::kIds) == ids_.size() + 1);
    }
    /// Sends to ids of either node and of both; only "small" is there to get messages.
    void check_messages() {
        say("s", send(next_message_, {{"a", "x"}, {"b", "y"}, {"7", "z"}}));
        next_message_ += 3;
        turn();
        CHECK(take_messages() == std::vector<std::string>{"2 a x", "2 b y"});
    }
    [[nodiscard]] const std::vector<std::string>& ids() const { return ids_; }

  private:
    static RouterOptions few_links() {
        RouterOptions options;
        options.links_per_turn = kLinksPerTurn;
        return options;
    }
    std::vector<std::string> ids_;
    std::uint64_t next_message_ = 1;
};

} // namespace

TEST_CASE("router: the records of a departed node with many ids are removed in many turns",
          "[router]") {
    ManyIds broker;
    broker.say("n", wire::encode(wire::Goodbye{}));
    CHECK(broker.who("7") == R"({"id":"7","nodes":[]})");
    CHECK(broker.who("a") == R"({"id":"a","nodes":["small"]})");
    broker.check_messages(); // the first turn
    CHECK(broker.counter(table::BrokerCounter::kMessagesVoid) == 1);

    std::uint64_t ids = broker.counter(table::BrokerCounter::kIds);
    for (std::uint32_t i = 1; i < kManyTurns; ++i) {
        CHECK(broker.router.due() <= broker.now);
        broker.now += 500us;
        broker.turn();
        CHECK(broker.counter(table::BrokerCounter::kIds) < ids);
        ids = broker.counter(table::BrokerCounter::kIds);
    }
    CHECK(ids == 2);
    CHECK(broker.router.due() > broker.now);
    broker.now += 500us;
    broker.check_messages();
}

TEST_CASE("router: a node comes back while its old records are removed", "[router]") {
    ManyIds broker;
    std::uint64_t incarnation = 1;
    SECTION("the same process") {
        broker.say("n", wire::encode(wire::Goodbye{}));
    }
    SECTION("a newer one") {
        incarnation = 9;
    }
    broker.join_live_node("n2", incarnation, "big");
    CHECK(broker.query("nodes").find(R"("name":"big","incarnation":"000000000000000)" +
                                     std::to_string(incarnation)) != std::string::npos);
    broker.check_messages();
    broker.say("n2", RouterHarness::login(1, broker.ids()));
    CHECK(broker.who("7") == R"({"id":"7","nodes":["big"]})");
    broker.take("n2");
    broker.say("n2", RouterHarness::heartbeat(0, 1, broker.ids()));
    CHECK(broker.counter(table::BrokerCounter::kDigestMismatches) == 0);
    broker.pass(100ms);
    CHECK(broker.counter(table::BrokerCounter::kIds) == broker.ids().size() + 1);
    CHECK(broker.who("7") == R"({"id":"7","nodes":["big"]})");
}

TEST_CASE("router: records of nodes that come and go with many ids do not pile up", "[router]") {
    ManyIds broker;
    for (std::uint64_t incarnation = 9; incarnation < 50; ++incarnation) {
        broker.join_node("n2", incarnation, "big"); // replaces the earlier one
        broker.say("n2", RouterHarness::login(1, broker.ids()));
        broker.take("n2");
        broker.say("n2", wire::encode(wire::Goodbye{}));
        std::vector<std::string> others;
        for (const std::string& id : broker.ids()) {
            others.push_back(std::to_string(incarnation) + "-" + id);
        }
        broker.join_node("n3", incarnation + 100, "other");
        broker.say("n3", RouterHarness::login(1, others));
        broker.say("n3", wire::encode(wire::Goodbye{}));
        broker.turn();
        CHECK(broker.counter(table::BrokerCounter::kIds) <= 2 * broker.ids().size() + 2);
    }
}

TEST_CASE("router: a list that drops many ids logs them out at once", "[router]") {
    ManyIds broker;
    broker.say("n", RouterHarness::list(2, true, true, {"8"}));
    CHECK(broker.counter(table::BrokerCounter::kLogouts) == broker.ids().size() - 1);
    CHECK(broker.who("8") == R"({"id":"8","nodes":["big"]})");
    broker.say("n", RouterHarness::heartbeat(0, 2, {"8"}));
    CHECK(broker.counter(table::BrokerCounter::kDigestMismatches) == 0);
    broker.check_messages();
    CHECK(broker.router.due() <= broker.now);
    broker.pass(100ms);
    CHECK(broker.counter(table::BrokerCounter::kIds) == 3);
}

TEST_CASE("router: very many peers that die together go in several turns", "[router]") {
    constexpr std::uint64_t kPeers = 600;
    RouterHarness broker;
    for (std::uint64_t i = 1; i <= kPeers; ++i) {
        broker.join_sender("s" + std::to_string(i), i);
    }
    const auto died = [&broker] { return broker.counter(table::BrokerCounter::kSendersDied); };
    for (int tenth = 0; tenth < 40 && died() == 0; ++tenth) {
        broker.now += 100ms;
        broker.turn();
    }
    const std::uint64_t first = died();
    CHECK(first > 0);
    CHECK(first < kPeers / 2);
    // One of them speaks at the last moment, whichever it is.
    std::uint64_t alive = 0;
    for (std::uint64_t i = 1; i <= kPeers && alive == 0; ++i) {
        const std::string connection = "s" + std::to_string(i);
        static_cast<void>(broker.take(connection));
        broker.say(connection, RouterHarness::heartbeat(0, 0));
        const auto answers = broker.take(connection);
        const bool is_unknown =
            !answers.empty() &&
            static_cast<wire::Kind>(answers[0][wire::kHeaderBytes - 1]) == wire::Kind::kError;
        alive = is_unknown ? 0 : i;
    }
    REQUIRE(alive > 0);
    for (int turn = 0; turn < 5; ++turn) {
        broker.turn();
    }
    CHECK(died() == kPeers - 1);
    CHECK(broker.counter(table::BrokerCounter::kSenders) == 1);
}

TEST_CASE("router: a turn looks over so many peers, and the sweep goes on in the next one",
          "[router]") {
    RouterOptions options;
    options.peers_per_turn = 3;
    RouterHarness broker(options);
    constexpr std::uint64_t kNodes = 10;
    for (std::uint64_t i = 1; i <= kNodes; ++i) {
        broker.join_live_node("n" + std::to_string(i), i, "node-" + std::to_string(i));
    }
    broker.now += options.heartbeat_interval; // all feeds are due at once
    std::vector<std::size_t> published;
    do {
        broker.published.clear();
        broker.turn();
        published.push_back(broker.published.size());
    } while (broker.router.due() <= broker.now);
    CHECK(published == std::vector<std::size_t>{3, 3, 3, 1});

    // Likewise when they die, some of them in the turns of the sweep that finds them.
    broker.now += options.heartbeat_interval;
    broker.say("n9", RouterHarness::heartbeat(0, 0));
    broker.pass(options.liveness - options.heartbeat_interval + 100ms);
    CHECK(broker.counter(table::BrokerCounter::kNodesDied) == kNodes - 1);
    CHECK_FALSE(broker.reported(Kind::kDied, "node-9"));
}

TEST_CASE("router: a silent peer is dead after the liveness time, and not before", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 1, "node");
    broker.join_live_node("m", 2, "talker");
    broker.join_sender("s", 3);
    broker.say("n", RouterHarness::login(1, {"a"}));
    for (int i = 0; i < 29; ++i) {
        broker.pass(100ms);
        broker.say("m", "rubbish is a sign of life too");
    }
    CHECK(broker.who("a") == R"({"id":"a","nodes":["node"]})");
    broker.pass(200ms);
    CHECK(broker.who("a") == R"({"id":"a","nodes":[]})");
    CHECK(broker.reported(Kind::kDied, "node"));
    CHECK_FALSE(broker.reported(Kind::kDied, "talker"));
    CHECK(broker.counter(table::BrokerCounter::kNodesDied) == 1);
    CHECK(broker.counter(table::BrokerCounter::kSendersDied) == 1);
    CHECK(broker.refused("n", RouterHarness::heartbeat(0, 1)) == ErrorCode::kHelloFirst);

    SECTION("one that was dead comes back to a new feed, and its feed is live at once") {
        const auto welcome = broker.join_node("n", 1, "node");
        CHECK(welcome.feed_incarnation == 3);
        CHECK(welcome.changes_applied == 0);
        broker.published.clear();
        broker.turn();
        REQUIRE(broker.published.size() == 1);
        CHECK(RouterHarness::decoded<wire::Batch>(broker.published[0].frame).incarnation == 3);
    }
}

TEST_CASE("router: living peers go on when many die at once", "[router]") {
    RouterHarness broker;
    broker.join_live_node("living", 1, "living");
    broker.say("living", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 2);
    constexpr std::uint64_t kDead = 50;
    for (std::uint64_t i = 10; i < 10 + kDead; ++i) {
        const std::string name = std::to_string(i);
        broker.join_live_node(name, i, name);
        broker.say(name, RouterHarness::login(1, {"a"}));
        broker.join_sender("sender " + name, 1000 + i);
    }
    for (std::uint64_t number = 1; number <= 40; ++number) {
        // All feeds have messages to publish whenever their nodes die.
        broker.say("s", RouterHarness::send(number, {{"a", "x"}}));
        broker.pass(100ms);
        broker.say("living", RouterHarness::heartbeat(number, 1, {"a"}));
    }
    CHECK(broker.counter(table::BrokerCounter::kNodesDied) == kDead);
    CHECK(broker.counter(table::BrokerCounter::kSendersDied) == kDead);
    static_cast<void>(broker.take_messages());
    // A newcomer gets one of their places.
    broker.join_sender("late sender", 3);
    broker.join_live_node("late", 4, "late");
    broker.say("late", RouterHarness::login(1, {"b"}));
    broker.say("s", RouterHarness::send(41, {{"a", "y"}, {"b", "z"}}));
    broker.pass(1ms);
    auto messages = broker.take_messages();
    std::sort(messages.begin(), messages.end());
    CHECK(messages == std::vector<std::string>{"1 a y", "4 b z"});
}

TEST_CASE("router: a broker that was stopped does not take silence for death", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "node");
    broker.turn();
    broker.now += 60s;
    broker.turn();
    CHECK(broker.reported(Kind::kPaused, ""));
    CHECK_FALSE(broker.reported(Kind::kDied, "node"));
    broker.pass(3100ms);
    CHECK(broker.reported(Kind::kDied, "node"));
}

TEST_CASE("router: a broker without peers was not stopped", "[router]") {
    RouterHarness broker;
    broker.turn();
    broker.now += 60s;
    broker.join_node("n", 1, "node");
    broker.turn();
    CHECK_FALSE(broker.reported(Kind::kPaused, ""));
}

TEST_CASE("router: a restarted broker gets to know a node again", "[router]") {
    RouterHarness restarted;
    CHECK(restarted.refused("n", RouterHarness::heartbeat(7, 5)) == ErrorCode::kHelloFirst);
    const auto welcome = restarted.join_node("n", 1, "node");
    CHECK(welcome.changes_applied == 0);
    restarted.say("n", RouterHarness::list(5, true, true, {"a", "b"}));
    CHECK(restarted.who("b") == R"({"id":"b","nodes":["node"]})");
    CHECK(restarted.ask<wire::Heartbeat>("n", RouterHarness::heartbeat(0, 5, {"a", "b"})).change ==
          5);
}

TEST_CASE("router: a peer gets ten errors a second, and all are counted", "[router]") {
    RouterHarness broker;
    for (int i = 0; i < 50; ++i) {
        broker.say("bad", "rubbish");
    }
    CHECK(broker.take("bad").size() == 10);
    CHECK(broker.counter(table::BrokerCounter::kErrors) == 50);
    CHECK(broker.counter(table::BrokerCounter::kErrorsUntold) == 40);
    CHECK(broker.refused("another", "rubbish") == ErrorCode::kMalformed);
    broker.now += 1s;
    CHECK(broker.refused("bad", "rubbish") == ErrorCode::kMalformed);
}

TEST_CASE("router: the number of peers is limited", "[router]") {
    RouterOptions options;
    options.peers_max = 2;
    RouterHarness broker(options);
    broker.join_node("n", 1, "node");
    broker.join_sender("s", 2);
    CHECK(broker.refused("x", hello(3, wire::Role::kSender, "x")) == ErrorCode::kOverloaded);
    broker.gone.insert("n");
    CHECK(broker.join_node("n2", 1, "node").feed_incarnation == 1); // it is here already
    CHECK(broker.join_node("n3", 4, "node").feed_incarnation == 2); // takes the other's place
    broker.say("s", wire::encode(wire::Goodbye{}));
    broker.join_sender("x", 3);
}

TEST_CASE("router: limits can change while it runs", "[router]") {
    RouterOptions options;
    options.peers_max = 1;
    options.ids_max = 1;
    options.queries_per_second = 1;
    RouterHarness broker(options);
    broker.join_node("n", 1, "node");
    CHECK(broker.refused("s", hello(3, wire::Role::kSender, "x")) == ErrorCode::kOverloaded);
    CHECK(broker.refused("n", RouterHarness::login(1, {"a", "b"})) == ErrorCode::kOverloaded);

    RouterOptions wider = broker.began_with;
    wider.peers_max = 2;
    wider.ids_max = 3;
    wider.queries_per_second = 100;
    wider.memory_max = 1U << 30U;
    wider.feed_endpoint = "is not looked at";
    broker.router.set_options(wider);
    broker.join_sender("s", 3);
    broker.say("n", RouterHarness::login(2, {"b", "c"}));
    CHECK(broker.who("c") == R"({"id":"c","nodes":["node"]})");
    for (int i = 0; i < 3; ++i) {
        broker.say("asker", wire::encode(wire::Query{1, "stats", ""}));
    }
    CHECK(broker.take("asker").size() == 3);
    broker.gone.insert("n");
    CHECK(broker.join_node("n2", 1, "node").feed_endpoint == broker.began_with.feed_endpoint);

    // What is there already stays.
    broker.router.set_options(broker.began_with);
    CHECK(broker.who("c") == R"({"id":"c","nodes":["node"]})");
    CHECK(broker.refused("n2", RouterHarness::login(3, {"d"})) == ErrorCode::kOverloaded);
}

TEST_CASE("router: nodes say how much room they have, and whether they hear their feed",
          "[router]") {
    RouterHarness broker;
    const std::uint64_t feed = broker.join_node("n", 1, "node").feed_incarnation;
    broker.router.on_subscription(wire::encode_topic(1), true);
    const auto said = [&](std::uint64_t streams, std::uint64_t places, std::uint64_t silent) {
        wire::Heartbeat heartbeat{0, 0, streams};
        heartbeat.ledger.places = places;
        heartbeat.ledger.feed_silent = silent;
        heartbeat.feed_incarnation = feed;
        broker.say("n", wire::encode(heartbeat));
        broker.pass(1s);
        return nlohmann::json::parse(broker.query("nodes")).at(0);
    };
    CHECK(said(4, 0, 0).at("room") == nullptr);
    CHECK(said(4, 10, 0).at("room") == 6);
    CHECK(said(4, 10, 0).at("live") == true);
    CHECK(said(11, 10, 1).at("room") == 0);
    CHECK(said(11, 10, 1).at("live") == false);
    CHECK(said(3, 10, 0).at("live") == true); // these numbers need not rise
    CHECK(broker.counter(table::BrokerCounter::kNodesDisbelieved) == 0);
}

TEST_CASE("router: answers that cannot be delivered are counted", "[router]") {
    RouterHarness broker;
    broker.reachable = false;
    broker.say("gone", wire::encode(wire::Ping{1}));
    CHECK(broker.counter(table::BrokerCounter::kRepliesUnroutable) == 1);
}

TEST_CASE("router: a broker that is insecure says so with each node", "[router]") {
    router::RouterOptions options;
    options.is_insecure = true;
    RouterHarness broker(options);
    broker.join_live_node("n", 0xAB, "node");
    CHECK(nlohmann::json::parse(broker.query("nodes"))[0]["insecure"] == true);
}

TEST_CASE("router: one worker of a web node is told to drain", "[router]") {
    RouterHarness broker;
    broker.join_node("n", 1, "web/2");
    broker.join_node("m", 2, "other");
    for (const char* name : {"web", "web/2"}) {
        static_cast<void>(broker.take("n"));
        CHECK(broker.query("drain", name) == R"({"node":"web/2"})");
        const auto frames = broker.take("n");
        REQUIRE(frames.size() == 1);
        CHECK(RouterHarness::decoded<wire::Query>(frames[0]).what == "drain");
    }
    CHECK(broker.query("drain", "we") == R"({"node":null})");
    CHECK(broker.take("m").empty());
    CHECK(broker.refused("asker", wire::encode(wire::Query{1, "drain", ""})) ==
          ErrorCode::kMalformed);
}

TEST_CASE("router: queries", "[router]") {
    RouterHarness broker;
    broker.join_live_node("n", 0xAB, "node");
    broker.join_node("m", 2, "other");
    broker.say("n", RouterHarness::login(1, {"a", "b"}));
    broker.say("m", RouterHarness::login(1, {"a"}));
    broker.say("n", wire::encode(wire::Heartbeat{0, 1, 12}));
    broker.pass(500ms);

    const auto nodes = nlohmann::json::parse(broker.query("nodes"));
    REQUIRE(nodes.size() == 2);
    CHECK(nodes[0] == nlohmann::json{{"name", "node"},
                                     {"incarnation", "00000000000000ab"},
                                     {"address", "address of n"},
                                     {"ids", 2},
                                     {"streams", 12},
                                     {"room", nullptr},
                                     {"age_ms", 500},
                                     {"heard_ms", 500},
                                     {"live", true},
                                     {"behind", false},
                                     {"unacknowledged_bytes", 0},
                                     {"insecure", false}});
    CHECK(nodes[1]["live"] == false);
    const auto who = nlohmann::json::parse(broker.who("a"));
    CHECK(who["nodes"].size() == 2);
    const auto stats = nlohmann::json::parse(broker.query("stats"));
    CHECK(stats["name"] == "broker");
    CHECK(stats["incarnation"] == "000000000000b0b0");
    CHECK(stats["uptime_ms"] == 500);
    CHECK(stats["ids"] == 2);
    CHECK(stats["nodes"] == 2);
    CHECK(stats["senders"] == 0);
    CHECK(stats["counters"]["logins"] == 3);

    const auto query = [](const char* what, const char* argument) {
        return wire::encode(wire::Query{1, what, argument});
    };
    CHECK(broker.refused("asker", query("dance", "")) == ErrorCode::kUnknownQuery);
    CHECK(broker.refused("asker", query("who", "")) == ErrorCode::kBadId);
    CHECK(broker.refused("asker", query("who", "a b")) == ErrorCode::kBadId);
    CHECK(broker.refused("asker", query("nodes", "all")) == ErrorCode::kMalformed);
}

TEST_CASE("router: survives random frames from random peers", "[router]") {
    const auto seed = GENERATE(take(3, random(1U, 1'000'000U)));
    CAPTURE(seed);
    std::mt19937 random(seed);
    RouterHarness broker;
    std::vector<std::string> frames{
        hello(1, wire::Role::kNode, "n"),
        hello(2, wire::Role::kNode, "n"),
        hello(3, wire::Role::kSender, "s"),
        hello(4, wire::Role::kNode, "m"),
        wire::encode(wire::Ping{1}),
        wire::encode(wire::Query{1, "nodes", ""}),
        RouterHarness::list(3, true, false, {"a", "b"}),
        RouterHarness::list(3, false, true, {"c"}),
        RouterHarness::login(2, {"a", "c"}),
        RouterHarness::logout(2, {"b", "a"}),
        RouterHarness::heartbeat(1, 2),
        RouterHarness::send(2, {{"a", "x"}, {"b", "y"}}, wire::Confirm::kReceipt)};
    for (const auto& [name, frame] : frames_of_members()) {
        frames.push_back(frame);
    }
    for (const auto& [name, frame] : frames_of_brokers()) {
        frames.push_back(frame);
    }
    for (int step = 0; step < 5000; ++step) {
        std::string frame = frames[random() % frames.size()];
        if (random() % 4 == 0 && !frame.empty()) {
            frame[random() % frame.size()] = static_cast<char>(random());
        }
        if (random() % 16 == 0) {
            frame.resize(random() % (frame.size() + 1));
        }
        broker.say(std::to_string(random() % 6), frame);
        if (random() % 8 == 0) {
            broker.router.on_subscription(wire::encode_topic(random() % 5), random() % 2 == 0);
        }
        if (random() % 4 == 0) {
            broker.pass(std::chrono::milliseconds(random() % 200));
            broker.published.clear();
        }
    }
    broker.pass(10s);
    CHECK(broker.counter(table::BrokerCounter::kNodes) == 0);
    CHECK(broker.counter(table::BrokerCounter::kIds) == 0);
    CHECK(broker.router.due() == kNever);
}

} // namespace router_peers_test
