// A sender with several brokers, which the test plays.
#include "topology/session/failover.hpp"
#include "topology/wire/attributes.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace failover_test {

using namespace zcomet;
using namespace zcomet::session;

namespace {

const Time kStart = Time{} + 1h;
constexpr std::uint32_t kWindow = 100'000;

struct FakeBroker : Wires {
    void send(std::string&& frame) override { frames.push_back(std::move(frame)); }
    std::optional<std::string_view> receive() override { return std::nullopt; }
    bool connected() override { return true; }

    struct Message {
        std::uint64_t number;
        std::string text;
        wire::Origin origin;
    };
    /// The messages that have come since the last call.
    std::vector<Message> take() {
        std::vector<Message> messages;
        for (const std::string& frame : std::exchange(frames, {})) {
            const auto decoded = wire::decode(frame);
            if (const auto* send = std::get_if<wire::Send>(&std::get<wire::Frame>(decoded))) {
                std::uint64_t number = send->first;
                send->messages.for_each([&](const wire::Message& message) {
                    messages.push_back({number++, std::string(message.payload),
                                        wire::read_attributes(message.attributes).origin});
                });
            }
        }
        return messages;
    }
    std::vector<std::string> take_texts() {
        std::vector<std::string> texts;
        for (const Message& message : take()) {
            texts.push_back(message.text);
        }
        return texts;
    }

    std::vector<std::string> frames;
};

struct Fixture : SenderEvents {
    Fixture() {
        for (std::size_t n = 0; n < brokers.size(); ++n) {
            sessions[n] = std::make_unique<SenderSession>(brokers[n], failover.events_of(n), 7 + n,
                                                          "s", Duration::zero());
            failover.use(n, *sessions[n]);
            sessions[n]->start(kStart);
        }
        // An id for each broker that is its first, with broker 1 - n as its second.
        for (int n = 0; ids[0].empty() || ids[1].empty(); ++n) {
            const std::string id = std::to_string(n);
            ids[placement.brokers_of(id).front()] = id;
        }
    }

    void on_receipt(std::uint64_t number, const wire::Outcome& outcome) override {
        receipts[number] = outcome;
    }
    void on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) override {
        CHECK_FALSE(acknowledged.contains(number));
        acknowledged[number] = outcome;
    }
    void on_unknown(std::uint64_t number) override { unknown.push_back(number); }
    void on_lost() override { ++lost; }

    void welcome(std::size_t broker, std::uint32_t settles_in_ms = 0) {
        sessions[broker]->on_broker_frame(
            wire::encode(wire::Welcome{
                broker + 1, "b", 1000, 3000, {}, wire::SenderWelcome{kWindow, 0, settles_in_ms}}),
            now);
    }
    void make_live() {
        welcome(0);
        welcome(1);
        tick();
        brokers[0].frames.clear();
        brokers[1].frames.clear();
    }
    void tick() {
        failover.tick(now);
        sessions[0]->tick(now);
        sessions[1]->tick(now);
    }
    /// The other broker says that it is alive, and this one does not.
    void pass_silently(std::size_t silent, Duration time) {
        for (const Time end = now + time; now < end;) {
            now += 100ms;
            sessions[1 - silent]->on_broker_frame(wire::encode(wire::Heartbeat{}), now);
            tick();
        }
    }
    std::uint64_t send(std::size_t broker, const std::string& text,
                       wire::Confirm confirm = wire::Confirm::kAcknowledgement) {
        REQUIRE(
            failover.can_send(ids[broker], wire::message_bytes(ids[broker].size(), text.size())));
        const std::uint64_t number = failover.send(ids[broker], text, confirm, {});
        tick();
        return number;
    }
    bool can_send(std::size_t broker) const { return failover.can_send(ids[broker], 100); }
    /// One node has the messages of that broker from `first` on.
    void acknowledge(std::size_t broker, std::uint64_t first, std::uint32_t count = 1) {
        wire::OutcomesWriter writer;
        for (std::uint32_t n = 0; n < count; ++n) {
            writer.add({.nodes = 1});
        }
        sessions[broker]->on_broker_frame(writer.finish_acknowledged(first), now);
    }

    Time now = kStart;
    cluster::Placement placement{{{"a"}, {"b"}}, 2};
    Failover failover{*this, placement};
    std::array<FakeBroker, 2> brokers;
    std::array<std::unique_ptr<SenderSession>, 2> sessions;
    std::array<std::string, 2> ids; // by their first broker
    std::map<std::uint64_t, wire::Outcome> receipts, acknowledged;
    std::vector<std::uint64_t> unknown;
    int lost = 0;
};

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(Fixture, "each message goes to the first broker of its id", "[failover]") {
    CHECK_FALSE(can_send(0));
    make_live();
    CHECK(send(0, "one") == 1);
    CHECK(send(1, "two") == 2);
    CHECK(brokers[0].take_texts() == Texts{"one"});
    CHECK(brokers[1].take_texts() == Texts{"two"});
    acknowledge(1, 1);
    acknowledge(0, 1);
    CHECK(acknowledged.at(1).nodes == 1);
    CHECK(acknowledged.at(2).nodes == 1);
    CHECK(failover.unacknowledged() == 0);
}

TEST_CASE_METHOD(Fixture, "an id has a broker as long as one of its brokers is alive",
                 "[failover]") {
    welcome(1);
    tick();
    CHECK(failover.has_broker(ids[0]));
    send(0, "one");
    CHECK(brokers[0].take().empty());
    CHECK(brokers[1].take_texts() == Texts{"one"});
}

TEST_CASE_METHOD(Fixture, "what a silent broker has not acknowledged goes to the next one",
                 "[failover]") {
    make_live();
    send(0, "one");
    send(0, "two");
    acknowledge(0, 1);
    brokers[0].frames.clear();
    pass_silently(0, Failover::kSilenceMax - 100ms);
    CHECK(brokers[1].take().empty());
    pass_silently(0, 200ms);
    const auto moved = brokers[1].take();
    REQUIRE(moved.size() == 1);
    CHECK(moved[0].text == "two");
    CHECK(moved[0].origin == wire::Origin{7, 2});
    CHECK(failover.failed_over() == 1);
    CHECK(lost == 1);
    acknowledge(1, moved[0].number);
    CHECK(acknowledged.at(2).nodes == 1);
    SECTION("new messages follow it") {
        send(0, "three");
        const auto next = brokers[1].take();
        REQUIRE(next.size() == 1);
        CHECK(next[0].text == "three");
        CHECK(next[0].origin == wire::Origin{});
    }
    SECTION("what the first broker says afterwards changes nothing") {
        acknowledge(0, 2);
        CHECK(acknowledged.size() == 2);
    }
}

TEST_CASE_METHOD(Fixture, "a broker whose connection is gone is given up soon", "[failover]") {
    make_live();
    send(0, "one");
    sessions[0]->on_connection(false, now);
    tick();
    CHECK(brokers[1].take().empty());
    now += SenderSession::kReconnectMax;
    CHECK(sessions[0]->due() <= now);
    tick();
    CHECK(brokers[1].take_texts() == Texts{"one"});
}

TEST_CASE_METHOD(Fixture, "a connection that comes back at once changes nothing", "[failover]") {
    make_live();
    sessions[0]->on_connection(false, now);
    now += 50ms;
    sessions[0]->on_connection(true, now);
    now += 200ms;
    tick();
    CHECK(lost == 0);
    send(0, "one");
    CHECK(brokers[0].take_texts() == Texts{"one"});
}

TEST_CASE_METHOD(Fixture, "a message that moves twice keeps its first name", "[failover]") {
    make_live();
    send(0, "one");
    pass_silently(0, Failover::kSilenceMax + 100ms);
    REQUIRE(brokers[1].take().size() == 1);
    welcome(0);
    now += 100ms;
    sessions[0]->on_broker_frame(wire::encode(wire::Heartbeat{}), now);
    tick();
    brokers[0].frames.clear();
    pass_silently(1, Failover::kSilenceMax + 100ms);
    const auto moved = brokers[0].take();
    REQUIRE(moved.size() == 1);
    CHECK(moved[0].origin == wire::Origin{7, 1});
    acknowledge(0, moved[0].number);
    CHECK(acknowledged.size() == 1);
}

TEST_CASE_METHOD(Fixture, "of messages that asked for a receipt nothing more is known",
                 "[failover]") {
    make_live();
    const std::uint64_t number = send(0, "one", wire::Confirm::kReceipt);
    pass_silently(0, Failover::kSilenceMax + 100ms);
    CHECK(unknown == std::vector<std::uint64_t>{number});
    CHECK(brokers[1].take().empty());
    CHECK(failover.counters().unconfirmed == 1);
    CHECK(failover.not_taken_in() == 0);
}

TEST_CASE_METHOD(Fixture, "messages of two lost brokers go in the order in which they were sent",
                 "[failover]") {
    make_live();
    send(0, "one");
    pass_silently(0, Failover::kSilenceMax + 100ms); // "one" moves to the other broker
    send(1, "two");
    send(1, "three");
    now += Failover::kSilenceMax + 100ms;
    tick();
    brokers[0].frames.clear();
    welcome(0);
    tick();
    tick();
    CHECK(brokers[0].take_texts() == Texts{"one", "two", "three"});
}

TEST_CASE_METHOD(Fixture, "no message is accepted while too many wait for another broker",
                 "[failover]") {
    make_live();
    const std::string large(wire::kPayloadBytesMax, 'x');
    std::uint64_t sent = 0;
    for (; failover.can_send(ids[0], large.size() + 100); ++sent) {
        send(0, large);
        sessions[0]->on_broker_frame(wire::encode(wire::Credit{sent + 1}), now);
    }
    CHECK(sent * large.size() >= Failover::kAgainBytesMax);
    send(1, large); // the window has no room for another one of them
    REQUIRE(can_send(1));
    pass_silently(0, Failover::kSilenceMax + 100ms);
    CHECK_FALSE(can_send(1));
    for (std::uint64_t number = 1; number <= 2; ++number) {
        sessions[1]->on_broker_frame(wire::encode(wire::Credit{number}), now);
        acknowledge(1, number);
        tick();
    }
    CHECK(can_send(1));
}

TEST_CASE_METHOD(Fixture, "an older message goes before a younger one that waits already",
                 "[failover]") {
    make_live();
    const std::string own(30'000, 'o');
    const std::string older(45'000, 'a');
    const std::string younger(45'000, 'b');
    send(1, own);
    send(0, older);
    send(0, younger);
    brokers[1].frames.clear();
    pass_silently(0, Failover::kSilenceMax + 100ms);
    CHECK(brokers[1].take_texts() == Texts{older}); // the window has no room for both
    now += Failover::kSilenceMax + 100ms;
    tick(); // now this broker is lost as well
    brokers[1].frames.clear();
    welcome(1);
    tick();
    tick();
    CHECK(brokers[1].take_texts() == Texts{own, older});
    CHECK(failover.unacknowledged() == 3);
}

TEST_CASE_METHOD(Fixture, "what was not sent yet goes to another broker, whatever it asks for",
                 "[failover]") {
    make_live();
    const std::uint64_t sent = send(0, "sent", wire::Confirm::kReceipt);
    const std::uint64_t unsent =
        failover.send(ids[0], "unsent", wire::Confirm::kReceipt, {}); // no tick() follows
    now += Failover::kSilenceMax + 1ms;
    sessions[1]->on_broker_frame(wire::encode(wire::Heartbeat{}), now);
    tick();
    CHECK(unknown == std::vector<std::uint64_t>{sent});
    const auto moved = brokers[1].take();
    REQUIRE(moved.size() == 1);
    CHECK(moved[0].text == "unsent");
    CHECK(moved[0].origin == wire::Origin{});
    wire::OutcomesWriter writer;
    writer.add({.nodes = 3});
    sessions[1]->on_broker_frame(writer.finish_receipt(moved[0].number), now);
    CHECK(receipts.at(unsent).nodes == 3);
}

TEST_CASE_METHOD(Fixture, "a broker that was lost and is back at once has lost its messages",
                 "[failover]") {
    make_live();
    const std::uint64_t receipt = send(0, "one", wire::Confirm::kReceipt);
    send(0, "two");
    brokers[0].frames.clear();
    sessions[0]->on_broker_frame(
        wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 3, ""}), now);
    welcome(0); // before anybody has looked
    tick();
    CHECK(unknown == std::vector<std::uint64_t>{receipt});
    CHECK(brokers[1].take_texts() == Texts{"two"});
}

TEST_CASE_METHOD(Fixture, "a broker that is back waits for what others have", "[failover]") {
    make_live();
    send(0, "one");
    pass_silently(0, Failover::kSilenceMax + 100ms);
    const auto moved = brokers[1].take();
    REQUIRE(moved.size() == 1);
    welcome(0);
    tick();
    CHECK_FALSE(can_send(0)); // it would overtake "one"
    CHECK(can_send(1));
    const std::uint64_t of_other = send(1, "another id");
    acknowledge(1, moved[0].number);
    tick();
    REQUIRE(can_send(0)); // although a later message still waits there
    brokers[0].frames.clear();
    send(0, "two");
    CHECK(brokers[0].take_texts() == Texts{"two"});
    CHECK_FALSE(acknowledged.contains(of_other));
}

TEST_CASE_METHOD(Fixture, "a broker whose table still lacks nodes is not used", "[failover]") {
    make_live();
    pass_silently(0, Failover::kSilenceMax + 100ms);
    welcome(0, 3000);
    tick();
    send(0, "one");
    CHECK(brokers[1].take_texts() == Texts{"one"});
}

TEST_CASE_METHOD(Fixture, "a broker that falls silent before its table is whole is greeted again",
                 "[failover]") {
    make_live();
    pass_silently(0, Failover::kSilenceMax + 100ms);
    welcome(0, 30'000);
    tick();
    const Time silent_from = now;
    pass_silently(0, Failover::kSilenceMax + 100ms);
    // Not at once, again and again: the loop would never sleep.
    CHECK(sessions[0]->due() > now);
    CHECK_FALSE(sessions[0]->welcomed());
    CHECK(now < silent_from + 3s);
}

TEST_CASE_METHOD(Fixture, "a question to a broker that was lost just now is not sent",
                 "[failover]") {
    make_live();
    sessions[0]->on_broker_frame(
        wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 0, "say HELLO"}), now);
    REQUIRE_FALSE(sessions[0]->welcomed());
    brokers[0].frames.clear();
    failover.ask(ids[0], wire::Query{5, "who", ids[0]});
    CHECK(brokers[0].frames.empty());
}

TEST_CASE_METHOD(Fixture, "without any broker messages wait, and go in order", "[failover]") {
    make_live();
    send(0, "one");
    send(0, "two");
    now += Failover::kSilenceMax + 100ms;
    tick();
    CHECK_FALSE(failover.has_broker(ids[0]));
    CHECK(failover.unacknowledged() == 2);
    CHECK(failover.not_taken_in() == 2);
    brokers[1].frames.clear();
    welcome(1);
    tick();
    tick();
    CHECK(brokers[1].take_texts() == Texts{"one", "two"});
}

TEST_CASE_METHOD(Fixture, "a question goes to the first living broker of its id", "[failover]") {
    make_live();
    failover.ask(ids[1], wire::Query{5, "who", ids[1]});
    CHECK(brokers[0].frames.empty());
    CHECK(brokers[1].frames.size() == 1);
}

TEST_CASE("a broker that is heard once in its heartbeat interval is not suspected", "[failover]") {
    struct : SenderEvents {
    } events;
    FakeBroker wires;
    SenderSession session(wires, events, 7, "s", Duration::zero());
    session.watch_closely(400ms);
    session.start(kStart);
    session.on_broker_frame(
        wire::encode(wire::Welcome{1, "b", 1000, 3000, {}, wire::SenderWelcome{kWindow, 0, 0}}),
        kStart);
    CHECK_FALSE(session.is_suspect(kStart + 999ms));
    CHECK(session.is_suspect(kStart + 1s));
}

TEST_CASE_METHOD(Fixture, "an id that moves waits for what is under way to it", "[failover]") {
    make_live();
    send(0, "one");
    const std::uint64_t other = send(1, "two");
    // The first broker leaves: its ids go to the other one.
    failover.change(cluster::Placement({{"a", 0}, {"b", 1}}, 2));
    CHECK_FALSE(can_send(0));
    CHECK(can_send(1)); // its broker stays
    CHECK_FALSE(failover.has_moved());
    CHECK_FALSE(failover.is_idle(0));
    acknowledge(0, 1);
    tick();
    CHECK_FALSE(can_send(0)); // those of all brokers have to be: ids may have come from any
    acknowledge(1, 1);
    tick();
    CHECK(acknowledged.at(other).nodes == 1);
    CHECK(can_send(0));
    send(0, "three");
    CHECK(brokers[1].take_texts() == Texts{"two", "three"});
    CHECK(brokers[0].take_texts() == Texts{"one"});
}

TEST_CASE_METHOD(Fixture, "a move is over when all is taken in, and the broker can be left",
                 "[failover]") {
    make_live();
    send(0, "one", wire::Confirm::kNothing);
    failover.change(cluster::Placement({{"a", 0}, {"b", 1}}, 2));
    tick();
    CHECK(can_send(0)); // nobody awaits an acknowledgement
    CHECK_FALSE(failover.has_moved());
    sessions[0]->on_broker_frame(wire::encode(wire::Credit{1}), now);
    tick();
    CHECK(failover.has_moved());
    REQUIRE(failover.is_idle(0));
    failover.retire(0);
    sessions[0]->goodbye(now);
    failover.tick(now);
    CHECK(failover.counters().messages_sent == 1);
    send(0, "two");
    CHECK(brokers[1].take_texts() == Texts{"two"});
}

TEST_CASE_METHOD(Fixture, "an id moves at once if nothing is under way", "[failover]") {
    make_live();
    failover.change(cluster::Placement({{"a", 0}, {"b", 1}}, 2));
    CHECK(can_send(0));
    CHECK(failover.has_moved());
}

TEST_CASE_METHOD(Fixture, "two changes at once: every id waits", "[failover]") {
    make_live();
    send(0, "one");
    failover.change(cluster::Placement({{"a", 0}, {"b", 1}}, 2));
    failover.change(placement);
    CHECK_FALSE(can_send(0));
    CHECK_FALSE(can_send(1));
    acknowledge(0, 1);
    tick();
    CHECK(can_send(0));
    CHECK(can_send(1));
}

TEST_CASE("a single broker's messages keep their numbers when another one comes", "[failover]") {
    struct Events : SenderEvents {
        void on_receipt(std::uint64_t number, const wire::Outcome&) override {
            receipts.push_back(number);
        }
        void on_acknowledged(std::uint64_t number, const wire::Outcome&) override {
            acknowledged.push_back(number);
        }
        std::vector<std::uint64_t> receipts, acknowledged;
    } events;
    Failover failover(events, cluster::Placement());
    std::array<FakeBroker, 2> brokers;
    SenderSession first(brokers[0], failover.events_of(0), 7, "s", Duration::zero());
    failover.use(0, first);
    first.start(kStart);
    const auto welcome = [](SenderSession& session, std::uint64_t incarnation) {
        session.on_broker_frame(
            wire::encode(wire::Welcome{
                incarnation, "b", 1000, 3000, {}, wire::SenderWelcome{kWindow, 0, 0}}),
            kStart);
    };
    welcome(first, 1);
    CHECK(failover.send("x", "one", wire::Confirm::kAcknowledgement, {}) == 1);
    first.tick(kStart);
    CHECK(failover.send("x", "two", wire::Confirm::kReceipt, {}) == 2);
    first.tick(kStart);
    CHECK(failover.send("x", "three", wire::Confirm::kAcknowledgement, {}) == 3); // gathered

    failover.change(cluster::Placement({{"", 0}, {"b", 1}}, 1));
    SenderSession second(brokers[1], failover.events_of(1), 8, "s", Duration::zero());
    failover.use(1, second);
    second.start(kStart);
    welcome(second, 2);
    failover.tick(kStart);
    first.tick(kStart);
    CHECK_FALSE(failover.can_send("x", 100));
    wire::OutcomesWriter outcome;
    outcome.add({.nodes = 1});
    first.on_broker_frame(outcome.finish_acknowledged(1), kStart);
    outcome.add({.nodes = 1});
    first.on_broker_frame(outcome.finish_receipt(2), kStart);
    outcome.add({.nodes = 1});
    first.on_broker_frame(outcome.finish_acknowledged(3), kStart);
    failover.tick(kStart);
    CHECK(events.acknowledged == std::vector<std::uint64_t>{1, 3});
    CHECK(events.receipts == std::vector<std::uint64_t>{2});
    REQUIRE(failover.can_send("x", 100));
    CHECK(failover.send("x", "four", wire::Confirm::kAcknowledgement, {}) == 4);
}

} // namespace failover_test
