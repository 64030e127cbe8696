// Router: sends whose senders ask where they have arrived; the login digest; the ledger.
#include "test/unit/broker/router/router_harness.hpp"
#include "topology/wire/attributes.hpp"

#include <nlohmann/json.hpp>

namespace router_acknowledge_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using wire::ErrorCode;

namespace {

constexpr auto kAcknowledge = wire::Confirm::kAcknowledgement;
using Counts = std::vector<std::uint32_t>;
constexpr std::uint32_t kNotKnown = UINT32_MAX;

/// Nodes "n" (incarnation 1: ids a, b) and "m" (2: a), and the sender "s" (3).
class TwoNodes : public RouterHarness {
  public:
    explicit TwoNodes(RouterOptions wanted = {}) : RouterHarness(std::move(wanted)) {
        join_live_node("n", 1, "node");
        join_live_node("m", 2, "other");
        say("n", login(1, {"a", "b"}));
        say("m", login(1, {"a"}));
        join_sender("s", 3);
    }
    void n_applied(std::uint64_t feed, std::uint64_t messages) {
        say("n", heartbeat(feed, 1, {"a", "b"}, {.received = messages, .shown = messages}));
    }
    void m_applied(std::uint64_t feed, std::uint64_t messages) {
        say("m", heartbeat(feed, 1, {"a"}, {.received = messages, .shown = messages}));
    }
    /// The counts in the one ACKNOWLEDGED that came; nothing if none came.
    Counts acknowledged(std::uint64_t first) { return acknowledged_to("s", first); }
    Counts acknowledged_to(const std::string& connection, std::uint64_t first) {
        Counts counts;
        for (const std::string& frame : take(connection)) {
            const auto told = decoded<wire::Acknowledged>(frame, wire::Role::kSender);
            CHECK(told.first == first);
            for (std::uint32_t i = 0; i < told.count; ++i) {
                counts.push_back(told.outcome(i).nodes.value_or(kNotKnown));
            }
        }
        return counts;
    }
    nlohmann::json ledger() { return nlohmann::json::parse(query("ledger")); }
    bool balances() {
        const nlohmann::json all = ledger();
        INFO(all.dump(1));
        return std::all_of(all.begin(), all.end(),
                           [](const auto& part) { return part.at("remainder") == 0; });
    }
};

} // namespace

TEST_CASE("router: an acknowledgement comes when every node has applied the message",
          "[router][acknowledge]") {
    TwoNodes broker;
    broker.say("s",
               RouterHarness::send(1, {{"a", "x"}, {"b", "y"}, {"nobody", "z"}}, kAcknowledge));
    broker.pass(1ms);
    CHECK(broker.acknowledged(1).empty());
    broker.n_applied(1, 2);
    CHECK(broker.acknowledged(1).empty());
    broker.m_applied(1, 1);
    CHECK(broker.acknowledged(1) == Counts{2, 1, 0});
    CHECK(broker.balances());
}

TEST_CASE("router: a message to an id that no node holds is acknowledged at once",
          "[router][acknowledge]") {
    TwoNodes broker;
    broker.say("s", RouterHarness::send(1, {{"nobody", "z"}}, kAcknowledge));
    CHECK(broker.acknowledged(1) == Counts{0});
    CHECK(broker.ledger().at("messages").at("void") == 1);
}

TEST_CASE("router: messages that a node did not acknowledge before it left have not arrived",
          "[router][acknowledge]") {
    TwoNodes broker;
    broker.say("s", RouterHarness::send(1, {{"a", "x"}}, kAcknowledge));
    broker.pass(1ms);
    broker.m_applied(1, 1);
    SECTION("it leaves") {
        broker.say("n", wire::encode(wire::Goodbye{}));
    }
    SECTION("it dies") {
        for (int second = 0; second < 4; ++second) {
            broker.pass(1s);
            broker.m_applied(1, 1);
            broker.say("s", RouterHarness::heartbeat(0, 1));
        }
    }
    const auto frames = broker.take("s");
    REQUIRE_FALSE(frames.empty());
    bool told = false;
    for (const std::string& frame : frames) {
        if (static_cast<wire::Kind>(static_cast<unsigned char>(frame[3])) ==
            wire::Kind::kAcknowledged) {
            const auto counts =
                RouterHarness::decoded<wire::Acknowledged>(frame, wire::Role::kSender);
            CHECK(counts.outcome(0).nodes == 1U);
            told = true;
        }
    }
    CHECK(told);
    CHECK(broker.counter(table::BrokerCounter::kMessagesAbandoned) == 1);
    CHECK(broker.balances());
}

TEST_CASE("router: a repeat that arrives nowhere is not said to have arrived nowhere",
          "[router][acknowledge]") {
    TwoNodes broker;
    broker.say("s", RouterHarness::send(1, {{"b", "x"}, {"nobody", "y"}}, kAcknowledge));
    broker.pass(1ms);
    broker.n_applied(1, 1);
    CHECK(broker.acknowledged(1) == Counts{1, 0}); // and this answer is lost
    broker.say("n", RouterHarness::logout(2, {"b"}));
    broker.say("s", RouterHarness::send(1, {{"b", "x"}, {"nobody", "y"}}, kAcknowledge));
    CHECK(broker.acknowledged(1) == Counts{kNotKnown, kNotKnown});
    // To a broker that did not know the sender, what it sent to another one is a repeat as well.
    broker.join_sender("t", 7, 5);
    broker.say("t", RouterHarness::send(5, {{"nobody", "x"}, {"nobody", "y"}}, kAcknowledge));
    CHECK(broker.acknowledged_to("t", 5) == Counts{kNotKnown, 0});
    CHECK(broker.balances());
}

TEST_CASE("router: a node that reports what cannot be is named, and not believed again",
          "[router]") {
    TwoNodes broker;
    broker.say("s", RouterHarness::send(1, {{"a", "x"}, {"b", "y"}}));
    broker.pass(1ms);
    broker.m_applied(1, 1);
    CHECK_FALSE(broker.reported(RouterEvent::Kind::kDisbelieved, "node"));
    broker.n_applied(1, 1U << 30U); // it got two
    CHECK(broker.reported(RouterEvent::Kind::kDisbelieved, "node"));
    CHECK(broker.counter(table::BrokerCounter::kNodesDisbelieved) == 1);
    CHECK(broker.balances());
    CHECK(broker.ledger().at("received").at("received") == 1);
    broker.n_applied(1, 2); // too late
    CHECK(broker.ledger().at("nodes").at("disbelieved") == 2);
    CHECK(broker.ledger().at("nodes").at("disbelieved_nodes") == nlohmann::json{"node"});
    CHECK(broker.counter(table::BrokerCounter::kNodesDisbelieved) == 1);
    broker.say("n", wire::encode(wire::Goodbye{}));
    CHECK(broker.balances());
    CHECK(broker.ledger().at("nodes").at("disbelieved") == 2);
}

TEST_CASE("router: messages of acknowledged sends go out with their origin",
          "[router][acknowledge]") {
    TwoNodes broker;
    broker.say("s", RouterHarness::send(1, {{"b", "x"}}));
    broker.say("s", RouterHarness::send(2, {{"b", "y"}}, kAcknowledge));
    broker.pass(1ms);
    REQUIRE(broker.published.size() == 2); // they do not share a batch
    const auto origin_of = [&](std::size_t i) {
        wire::Origin origin;
        RouterHarness::decoded<wire::Batch>(broker.published[i].frame)
            .messages.for_each([&](const wire::Message& message) { origin = message.origin; });
        return origin;
    };
    CHECK(origin_of(0) == wire::Origin{});
    CHECK(origin_of(1) == wire::Origin{3, 2});
}

TEST_CASE("router: a message that comes from another broker keeps the name that it had there",
          "[router][acknowledge]") {
    TwoNodes broker;
    std::string moved = wire::encode(wire::Attributes{.event = "e"});
    const std::string plain = moved;
    wire::set_origin(moved, {77, 5});
    wire::MessageFrameWriter frame(wire::MessageFrameWriter::Form::kSend);
    frame.add({.id = "b", .payload = "x", .attributes = moved});
    frame.add({.id = "nobody", .payload = "y", .attributes = moved});
    frame.add({.id = "nobody", .payload = "z", .attributes = plain});
    broker.say("s", frame.finish_send(kAcknowledge, 1));
    broker.pass(1ms);
    REQUIRE(broker.published.size() == 1);
    RouterHarness::decoded<wire::Batch>(broker.published[0].frame)
        .messages.for_each([&](const wire::Message& message) {
            CHECK(message.origin == wire::Origin{77, 5});
            CHECK(message.attributes == plain);
        });
    broker.n_applied(1, 1);
    // Where the first copy of "y" went is not known here.
    CHECK(broker.acknowledged(1) == Counts{1, kNotKnown, 0});
    CHECK(broker.balances());
}

TEST_CASE(
    "router: a message repeated while it is awaited is answered once; later it goes out again",
    "[router][acknowledge]") {
    TwoNodes broker;
    const std::string frame = RouterHarness::send(1, {{"b", "x"}}, kAcknowledge);
    broker.say("s", frame);
    broker.say("s", frame);
    broker.pass(1ms);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 b x"});
    broker.n_applied(1, 1);
    CHECK(broker.acknowledged(1) == Counts{1});
    broker.say("s", frame);
    broker.pass(1ms);
    CHECK(broker.take_messages() == std::vector<std::string>{"1 b x"});
    broker.say("n", RouterHarness::heartbeat(2, 1, {"a", "b"},
                                             {.received = 2, .duplicates = 1, .shown = 1}));
    CHECK(broker.acknowledged(1) == Counts{1});
    CHECK(broker.counter(table::BrokerCounter::kMessagesIn) == 1);
    CHECK(broker.counter(table::BrokerCounter::kMessagesRepeated) == 2);
    CHECK(broker.balances());
}

TEST_CASE("router: shed messages are acknowledged as not arrived", "[router][acknowledge]") {
    RouterOptions options;
    options.feed.window_bytes = 65'536;
    options.feed.bound_bytes = 65'536 + wire::kFrameBytesMax;
    TwoNodes broker(options);
    const std::string large(60'000, 'x');
    constexpr std::uint64_t kSent = 40;
    for (std::uint64_t number = 1; number <= kSent; ++number) {
        broker.say("s", RouterHarness::send(number, {{"b", large}}, kAcknowledge));
        broker.turn();
    }
    const std::uint64_t shed = broker.counter(table::BrokerCounter::kMessagesShed);
    REQUIRE(shed > 0);
    std::uint64_t arrived = 0;
    std::uint64_t told = 0;
    const auto take_answers = [&] {
        for (const std::string& frame : broker.take("s")) {
            if (static_cast<unsigned char>(frame[3]) ==
                static_cast<unsigned char>(wire::Kind::kAcknowledged)) {
                ++told;
                arrived +=
                    RouterHarness::decoded<wire::Acknowledged>(frame).outcome(0).nodes.value();
            }
        }
    };
    take_answers(); // of the shed ones
    std::uint64_t applied = 0;
    std::uint64_t messages = 0;
    while (told < kSent) {
        broker.pass(1ms);
        REQUIRE_FALSE(broker.published.empty());
        for (const auto& published : std::exchange(broker.published, {})) {
            const auto batch = RouterHarness::decoded<wire::Batch>(published.frame);
            applied = std::max(applied, batch.number);
            messages += batch.messages.count();
        }
        broker.n_applied(applied, messages);
        take_answers();
    }
    CHECK(arrived == kSent - shed);
    CHECK(broker.balances());
}

TEST_CASE("router: a sender hears of shed messages when they are shed", "[router][acknowledge]") {
    RouterOptions options;
    options.feed.window_bytes = 65'536;
    options.feed.bound_bytes = 65'536 + wire::kFrameBytesMax;
    TwoNodes broker(options);
    const std::string large(60'000, 'x');
    std::uint64_t number = 0;
    while (broker.counter(table::BrokerCounter::kMessagesShed) < 5) { // the node applies nothing
        broker.say("s", RouterHarness::send(++number, {{"b", large}}, kAcknowledge));
        broker.turn();
    }
    std::vector<std::uint64_t> told;
    for (const std::string& frame : broker.take("s")) {
        if (static_cast<wire::Kind>(static_cast<unsigned char>(frame[3])) ==
            wire::Kind::kAcknowledged) {
            const auto answer = RouterHarness::decoded<wire::Acknowledged>(frame);
            CHECK(answer.outcome(0).nodes == 0U);
            told.push_back(answer.first);
        }
    }
    CHECK(told.size() == broker.counter(table::BrokerCounter::kMessagesShed));
    CHECK(broker.counter(table::BrokerCounter::kAcknowledgedSends) == told.size());
    CHECK(broker.balances());
}

TEST_CASE("router: the messages that a sender may have awaited are bounded",
          "[router][acknowledge]") {
    TwoNodes broker;
    RouterHarness::Messages many(wire::kFrameMessagesMax, {"b", ""});
    std::uint64_t first = 1;
    for (; first <= wire::kUnacknowledgedMax; first += wire::kFrameMessagesMax) {
        broker.say("s", RouterHarness::send(first, many, kAcknowledge));
    }
    CHECK(broker.refused("s", RouterHarness::send(first, {{"b", ""}}, kAcknowledge)) ==
          ErrorCode::kOverloaded);
    broker.say("s", RouterHarness::send(first, {{"b", ""}}));
    CHECK(broker.counter(table::BrokerCounter::kMessagesIn) == wire::kUnacknowledgedMax + 1);
}

TEST_CASE("router: a sender that came back in the other role gets no acknowledgement",
          "[router][acknowledge]") {
    TwoNodes broker;
    broker.say("s", RouterHarness::send(1, {{"b", "x"}}, kAcknowledge));
    broker.pass(1ms);
    broker.say("s", wire::encode(wire::Goodbye{}));
    broker.join_node("t", 3, "third");
    static_cast<void>(broker.take("t"));
    broker.n_applied(1, 1);
    CHECK(broker.take("t").empty());
    CHECK(broker.take("s").empty());
}

TEST_CASE("router: ids that drifted apart are noticed by their digest, and mended", "[router]") {
    TwoNodes broker;
    broker.n_applied(0, 0);
    CHECK(broker.counter(table::BrokerCounter::kDigestMismatches) == 0);
    CHECK(broker.refused("n", RouterHarness::heartbeat(0, 1, {"a", "c"})) ==
          ErrorCode::kListNeeded);
    CHECK(broker.counter(table::BrokerCounter::kDigestMismatches) == 1);
    CHECK(broker.reported(RouterEvent::Kind::kDrifted, "node"));
    broker.say("n", RouterHarness::list(2, true, true, {"a", "c"}));
    broker.pass(1s);
    CHECK(broker.ask<wire::Heartbeat>("n", RouterHarness::heartbeat(0, 2, {"a", "c"})).change == 2);
    CHECK(broker.who("c") == R"({"id":"c","nodes":["node"]})");
}

TEST_CASE("router: messages that a sender had sent to another broker are missing in no ledger",
          "[router]") {
    TwoNodes broker;
    broker.join_sender("late", 7, 100);
    broker.say("late", RouterHarness::heartbeat(0, 100));
    CHECK(broker.ledger().at("senders").at("sent") == 0);
    CHECK(broker.ledger().at("senders").at("missing") == 0);
    // Two of them are repeated, since the other broker had not answered; 92 to 99 needed no answer.
    broker.say("late", RouterHarness::send(91, {{"a", "x"}}, kAcknowledge));
    broker.say("late", RouterHarness::send(100, {{"a", "y"}}, kAcknowledge));
    broker.say("late", RouterHarness::send(91, {{"a", "x"}}, kAcknowledge));
    broker.say("late", RouterHarness::heartbeat(0, 102));
    broker.say("late", RouterHarness::send(103, {{"a", "z"}})); // 101 and 102 were lost on the way
    broker.say("late", RouterHarness::heartbeat(0, 104));       // and so was 104
    SECTION("while it is there") {}
    SECTION("after it has left") {
        broker.say("late", wire::encode(wire::Goodbye{}));
    }
    CHECK(broker.ledger().at("senders").at("taken_in") == 3);
    CHECK(broker.ledger().at("senders").at("missing") == 3);
    CHECK(broker.ledger().at("senders").at("sent") == 6);
    CHECK(broker.balances());
}

TEST_CASE("router: a number that is used again with more messages does no harm", "[router]") {
    // Acknowledgements that the sender awaited before it left are forgotten.
    TwoNodes broker;
    broker.join_sender("s2", 7);
    broker.say("s2", RouterHarness::send(1, {{"a", "x"}}, kAcknowledge));
    broker.say("s2", wire::encode(wire::Goodbye{}));
    broker.join_sender("s3", 7);
    broker.say("s3", RouterHarness::send(1, {{"a", "x"}, {"a", "y"}, {"a", "z"}}, kAcknowledge));
    broker.pass(1ms);
    broker.n_applied(1, 4);
    broker.m_applied(1, 4);
    CHECK(broker.acknowledged_to("s3", 1) == Counts{2, 2, 2});
    // None is awaited any more, so there is room for as many as a sender may await.
    const std::uint64_t end = 4 + wire::kUnacknowledgedMax;
    for (std::uint64_t number = 4; number < end; ++number) {
        broker.say("s3", RouterHarness::send(number, {{"b", ""}}, kAcknowledge));
    }
    CHECK(broker.take("s3").empty());
    CHECK(broker.refused("s3", RouterHarness::send(end, {{"b", ""}}, kAcknowledge)) ==
          ErrorCode::kOverloaded);
}

TEST_CASE("router: the ledger adds up what senders, broker and nodes have counted", "[router]") {
    TwoNodes broker;
    broker.say("s", RouterHarness::send(1, {{"a", "x"}, {"b", "y"}, {"nobody", "z"}}));
    broker.say("s", RouterHarness::heartbeat(0, 5));
    broker.say("s", RouterHarness::send(6, {{"b", "later"}})); // 4 and 5 were lost on the way
    broker.say("s", RouterHarness::heartbeat(0, 7));           // and so was 7
    broker.pass(1ms);
    broker.n_applied(1, 3);
    const auto ledger = broker.ledger();
    CHECK(ledger.at("senders").at("sent") == 7);
    CHECK(ledger.at("senders").at("taken_in") == 4);
    CHECK(ledger.at("senders").at("missing") == 3);
    CHECK(ledger.at("messages").at("void") == 1);
    CHECK(ledger.at("copies").at("routed") == 4);
    CHECK(ledger.at("copies").at("acknowledged") == 3);
    CHECK(ledger.at("copies").at("under_way") == 1);
    CHECK(broker.balances());
    SECTION("a node whose ledger contradicts its acknowledgements is noticed") {
        broker.m_applied(1, 2);
        CHECK(broker.reported(RouterEvent::Kind::kDisbelieved, "other"));
        CHECK(broker.ledger().at("nodes").at("disbelieved") == 1);
    }
    SECTION("departed peers still count") {
        broker.say("n", wire::encode(wire::Goodbye{}));
        broker.say("m", wire::encode(wire::Goodbye{}));
        broker.say("s", wire::encode(wire::Goodbye{}));
        CHECK(broker.ledger().at("senders").at("sent") == 7);
        CHECK(broker.ledger().at("copies").at("abandoned") == 1);
        CHECK(broker.ledger().at("received").at("shown") == 3);
        CHECK(broker.balances());
    }
}

// The answers of two frames were mixed up when one of them became known while the other was routed.
TEST_CASE("a receipt has nothing of an acknowledgement that becomes due meanwhile", "[router]") {
    RouterOptions options;
    options.memory_max = 16U << 20U;
    RouterHarness broker(options);
    broker.join_live_node("n", 1, "n"); // acknowledges nothing
    broker.say("n", RouterHarness::login(1, {"a"}));
    broker.join_sender("s", 100);
    broker.join_sender("t", 101);
    const std::string text(60'000, 'x');
    const auto fill = [&](const std::string& connection, wire::Confirm confirm,
                          std::uint64_t number) {
        broker.say(connection, RouterHarness::send(number, {{"a", text}, {"b", "y"}}, confirm));
        broker.turn();
    };
    std::uint64_t number = 1;
    for (; number < 20; number += 2) {
        fill("s", wire::Confirm::kNothing, number); // more than the window
    }
    fill("s", wire::Confirm::kAcknowledgement, number);
    static_cast<void>(broker.take("s"));
    std::vector<std::string> told;
    for (std::uint64_t of_t = 1; told.empty(); of_t += 2) {
        REQUIRE(of_t < 1000);
        static_cast<void>(broker.take("t"));
        fill("t", wire::Confirm::kReceipt, of_t);
        for (std::string& frame : broker.take("s")) {
            if (static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]) ==
                wire::Kind::kAcknowledged) {
                told.push_back(std::move(frame));
            }
        }
    }
    const auto acknowledged = RouterHarness::decoded<wire::Acknowledged>(told[0]);
    CHECK(acknowledged.count == 2);
    CHECK(acknowledged.outcome(0).nodes == 0U); // it was shed
    bool has_receipt = false;
    for (const std::string& frame : broker.take("t")) {
        if (static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]) == wire::Kind::kReceipt) {
            has_receipt = true;
            const auto receipt = RouterHarness::decoded<wire::Receipt>(frame);
            CHECK(receipt.count == 2);
            CHECK(receipt.outcome(0).nodes == 1U);
            CHECK(receipt.outcome(1).nodes == 0U);
        }
    }
    CHECK(has_receipt);
}

} // namespace router_acknowledge_test
