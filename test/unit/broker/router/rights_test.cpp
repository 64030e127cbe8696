// What keys allow, and what they keep from others.
#include "test/unit/broker/router/router_harness.hpp"
#include "topology/wire/owned_ids.hpp"

namespace rights_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using keys::Role;
using wire::ErrorCode;

namespace {

constexpr auto kNotAllowed = wire::Outcome::Refusal::kNotAllowed;

/// A router whose connections have keys: the connections "node", "other", "sender" and "operator"
/// each have one of that name.
struct Keyed : RouterHarness {
    keys::KnownKey node{0, "node", "", {Role::kNode}, {}};
    keys::KnownKey other{1, "other", "", {Role::kNode, Role::kSender}, {}};
    keys::KnownKey sender{
        2, "sender", "", {Role::kSender}, zcomet::history::Patterns({"shop.*", "a"})};
    keys::KnownKey boss{3, "operator", "", {Role::kOperator}, {}};

    Keyed() {
        key_of = {{"node", &node},
                  {"node again", &node},
                  {"other", &other},
                  {"sender", &sender},
                  {"operator", &boss}};
    }
    static std::string hello(std::uint64_t incarnation, wire::Role role, const std::string& name) {
        return wire::encode(wire::Hello{incarnation, role, name});
    }
    bool subscribe(std::uint64_t incarnation, const keys::KnownKey& key, bool begins = true) {
        return router.on_subscription(wire::encode_topic(incarnation), begins, &key);
    }
    static std::string question(const std::string& what, const std::string& argument = "") {
        return wire::encode(wire::Query{1, what, argument});
    }
    std::vector<std::optional<wire::Outcome>> outcomes(const std::string& send) {
        say("sender", send);
        std::vector<std::optional<wire::Outcome>> found;
        for (const std::string& frame : take("sender")) {
            const auto result = wire::decode(frame, wire::Role::kSender);
            const auto* body = std::get_if<wire::Frame>(&result);
            const wire::Outcomes* told = std::get_if<wire::Receipt>(body);
            told = told != nullptr ? told : std::get_if<wire::Acknowledged>(body);
            for (std::uint32_t i = 0; told != nullptr && i < told->count; ++i) {
                found.emplace_back(told->outcome(i));
            }
        }
        return found;
    }
};

} // namespace

TEST_CASE("a key joins in its own roles only", "[rights]") {
    Keyed broker;
    CHECK(broker.refused("node", Keyed::hello(1, wire::Role::kSender, "s")) ==
          ErrorCode::kNotAllowed);
    CHECK(broker.refused("sender", Keyed::hello(1, wire::Role::kNode, "n")) ==
          ErrorCode::kNotAllowed);
    CHECK(broker.refused("operator", Keyed::hello(1, wire::Role::kNode, "n")) ==
          ErrorCode::kNotAllowed);
    CHECK(broker.counter(table::BrokerCounter::kErrorsNotAllowed) == 3);
    CHECK(broker.counter(table::BrokerCounter::kNodes) == 0);
    broker.join_node("node", 1, "n");
    broker.join_sender("sender", 2);
    broker.join_sender("operator", 3);
}

TEST_CASE("questions are for operators, and for senders about their ids", "[rights]") {
    Keyed broker;
    for (const char* name : {"sender", "node"}) {
        CHECK(broker.refused(name, Keyed::question("drain", "n")) == ErrorCode::kNotAllowed);
    }
    for (const char* what : {"nodes", "stats", "ledger", "brokers"}) {
        CHECK(broker.refused("sender", Keyed::question(what)) == ErrorCode::kNotAllowed);
        CHECK(broker.refused("node", Keyed::question(what)) == ErrorCode::kNotAllowed);
        broker.ask<wire::Answer>("operator", Keyed::question(what));
    }
    for (const char* what : {"who", "streams"}) {
        CHECK(broker.refused("sender", Keyed::question(what, "b")) == ErrorCode::kNotAllowed);
        CHECK(broker.refused("node", Keyed::question(what, "a")) == ErrorCode::kNotAllowed);
        broker.ask<wire::Answer>("sender", Keyed::question(what, "shop.7"));
        broker.ask<wire::Answer>("operator", Keyed::question(what, "b"));
    }
    broker.ask<wire::Pong>("sender", wire::encode(wire::Ping{1}));
    broker.join_sender("sender", 2);
    const wire::OwnedIds ids("a");
    const std::string history =
        wire::encode(wire::History{.token = 1, .count_max = 1, .ids = ids.list()});
    CHECK(broker.refused("sender", history) == ErrorCode::kNotAllowed);
}

TEST_CASE("a node may ask about itself", "[rights]") {
    Keyed broker;
    broker.join_node("node", 1, "n");
    broker.join_node("other", 2, "o");
    const auto answer = broker.ask<wire::Answer>("node", Keyed::question("nodes"));
    CHECK_THAT(std::string(answer.json), Catch::Contains("\"n\""));
    CHECK_THAT(std::string(answer.json), !Catch::Contains("\"o\""));
}

TEST_CASE("messages to ids that a key does not allow go into the void, and are told of",
          "[rights]") {
    Keyed broker;
    broker.join_live_node("node", 1, "n");
    broker.router.on_subscription(wire::encode_topic(1), true, &broker.node);
    broker.say("node", RouterHarness::login(1, {"a", "b"}));
    broker.join_sender("sender", 2);
    const auto told =
        broker.outcomes(RouterHarness::send(1, {{"b", "x"}, {"a", "y"}}, wire::Confirm::kReceipt));
    REQUIRE(told.size() == 2);
    CHECK(told[0]->refusal == kNotAllowed);
    CHECK(told[1]->nodes == 1U);
    const auto known =
        broker.outcomes(RouterHarness::send(3, {{"b", "x"}}, wire::Confirm::kAcknowledgement));
    REQUIRE(known.size() == 1);
    CHECK(known[0]->refusal == kNotAllowed);
    CHECK(broker.refused("sender", RouterHarness::send(4, {{"b", "x"}})) == ErrorCode::kNotAllowed);
    broker.pass(10ms);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 a y"});
    CHECK(broker.counter(table::BrokerCounter::kMessagesNotAllowed) == 3);
    CHECK(broker.counter(table::BrokerCounter::kMessagesVoid) == 3);
    CHECK(broker.counter(table::BrokerCounter::kMessagesIn) == 4);
    // One that comes again is not counted again.
    static_cast<void>(broker.take("sender"));
    broker.say("sender", RouterHarness::send(4, {{"b", "x"}}));
    CHECK(broker.counter(table::BrokerCounter::kMessagesVoid) == 3);
}

TEST_CASE("a node's name and incarnation belong to the key that said them first", "[rights]") {
    Keyed broker;
    broker.join_node("node", 1, "n");
    CHECK(broker.refused("other", Keyed::hello(2, wire::Role::kNode, "n")) ==
          ErrorCode::kNotAllowed);
    CHECK(broker.refused("other", Keyed::hello(1, wire::Role::kNode, "n")) ==
          ErrorCode::kNotAllowed);
    CHECK(broker.refused("other", Keyed::hello(1, wire::Role::kSender, "n")) ==
          ErrorCode::kNotAllowed);
    CHECK(broker.counter(table::BrokerCounter::kNodesReplaced) == 0);
    broker.join_node("node again", 3, "n"); // a newer process with the same key
    CHECK(broker.counter(table::BrokerCounter::kNodesReplaced) == 1);
    SECTION("also while no node has it") {
        broker.say("node again", wire::encode(wire::Goodbye{}));
        CHECK(broker.refused("other", Keyed::hello(2, wire::Role::kNode, "n")) ==
              ErrorCode::kNotAllowed);
        broker.join_node("node", 4, "n");
    }
    SECTION("until the key is revoked") {
        broker.node.roles = {};
        broker.pass(1s);
        broker.join_node("other", 2, "n");
    }
}

TEST_CASE("a sender's numbers belong to its key, also when it is gone", "[rights]") {
    Keyed broker;
    broker.join_sender("sender", 2);
    broker.say("sender", RouterHarness::send(1, {{"a", "x"}}));
    broker.say("sender", wire::encode(wire::Goodbye{}));
    CHECK(broker.refused("operator", Keyed::hello(2, wire::Role::kSender, "s")) ==
          ErrorCode::kNotAllowed);
    CHECK(broker.join_sender("sender", 2, 1).credited == 1);
}

TEST_CASE("a topic belongs to the key of its node", "[rights]") {
    Keyed broker;
    broker.join_node("node", 1, "n");
    CHECK_FALSE(broker.subscribe(1, broker.other));
    CHECK_FALSE(broker.subscribe(1, broker.other, false));
    CHECK_FALSE(broker.subscribe(1, broker.sender));
    CHECK_FALSE(broker.router.on_subscription("", true, &broker.other));
    CHECK_FALSE(
        broker.router.on_subscription(wire::encode_topic(1).substr(0, 4), true, &broker.node));
    CHECK_FALSE(broker.reported(RouterEvent::Kind::kLive, "n"));
    CHECK(broker.counter(table::BrokerCounter::kSubscriptionsRefused) == 5);
    CHECK(broker.subscribe(1, broker.node));
    CHECK(broker.reported(RouterEvent::Kind::kLive, "n"));
    CHECK(broker.subscribe(1, broker.node, false));
}

TEST_CASE("a topic without a node belongs to the key that subscribed first", "[rights]") {
    Keyed broker;
    CHECK(broker.subscribe(1, broker.node));
    CHECK_FALSE(broker.subscribe(1, broker.other));
    CHECK(broker.refused("other", Keyed::hello(1, wire::Role::kNode, "o")) ==
          ErrorCode::kNotAllowed);
    broker.join_node("node", 1, "n");
    CHECK(broker.reported(RouterEvent::Kind::kLive, "n"));
    // A subscription that ends with its connection comes with no key.
    const keys::KnownKey nobody;
    CHECK(broker.subscribe(2, broker.node));
    broker.subscribe(2, nobody, false);
    CHECK(broker.subscribe(2, broker.other));
}

TEST_CASE("a peer goes at once when its key is revoked or loses its role", "[rights]") {
    Keyed broker;
    broker.join_live_node("node", 1, "n");
    broker.say("node", RouterHarness::login(1, {"a"}));
    broker.join_sender("sender", 2);
    broker.node.roles = {};
    broker.sender.roles = {Role::kNode};
    broker.pass(500ms);
    CHECK(broker.reported(RouterEvent::Kind::kRevoked, "n"));
    CHECK(broker.counter(table::BrokerCounter::kNodesRevoked) == 1);
    CHECK(broker.counter(table::BrokerCounter::kSendersRevoked) == 1);
    CHECK(broker.refused("node", wire::encode(wire::Ping{1})) == ErrorCode::kNotAllowed);
    CHECK(broker.refused("sender", RouterHarness::send(1, {{"a", "x"}})) == ErrorCode::kHelloFirst);
    broker.key_of.clear();
    CHECK_THAT(broker.who("a"), Catch::Contains("[]"));
}

} // namespace rights_test
