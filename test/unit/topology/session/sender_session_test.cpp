// A sender's conversation with a broker, which the test plays.
#include "topology/session/sender_session.hpp"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

namespace sender_session_test {

using namespace zcomet;
using namespace zcomet::session;

namespace {

const Time kStart = Time{} + 1h;
constexpr std::uint32_t kWindow = 1000;

struct FakeHost : Wires, SenderEvents {
    void send(std::string&& frame) override { sent.push_back(std::move(frame)); }
    std::optional<std::string_view> receive() override { return std::nullopt; }
    bool connected() override { return true; }
    void on_receipt(std::uint64_t number, const wire::Outcome& outcome) override {
        receipts.emplace_back(number, outcome.nodes);
        outcomes.push_back(outcome);
    }
    void on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) override {
        acknowledged.emplace_back(number, outcome.nodes);
        outcomes.push_back(outcome);
    }
    void on_answer(const wire::Answer& answer) override { answers.push_back(answer.token); }
    void on_kept(const wire::Kept& kept) override { answers.push_back(kept.token); }
    void on_question_refused(wire::Kind kind) override { unanswered.push_back(kind); }
    void on_welcome(std::string_view) override { ++welcomes; }
    void on_lost() override { ++lost; }
    void on_refused(wire::ErrorCode code, std::string_view) override { refused.push_back(code); }

    wire::Kind kind(std::size_t index) const {
        return static_cast<wire::Kind>(static_cast<unsigned char>(sent.at(index)[3]));
    }
    wire::Send send_frame(std::size_t index) const {
        return std::get<wire::Send>(std::get<wire::Frame>(wire::decode(sent.at(index))));
    }
    wire::Hello hello(std::size_t index) const {
        return std::get<wire::Hello>(std::get<wire::Frame>(wire::decode(sent.at(index))));
    }

    /// The sum of the SEND frames' sizes.
    std::size_t send_bytes() const {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < sent.size(); ++i) {
            bytes += kind(i) == wire::Kind::kSend ? sent[i].size() : 0;
        }
        return bytes;
    }

    std::vector<std::string> sent;
    std::vector<std::pair<std::uint64_t, std::optional<std::uint32_t>>> receipts;
    std::vector<std::pair<std::uint64_t, std::optional<std::uint32_t>>> acknowledged;
    std::vector<wire::Outcome> outcomes; // of both
    std::vector<std::uint64_t> answers;  // their tokens
    std::vector<wire::ErrorCode> refused;
    std::vector<wire::Kind> unanswered;
    int welcomes = 0;
    int lost = 0;
};

std::string welcome(std::uint64_t incarnation = 1, std::uint64_t credited = 0) {
    return wire::encode(
        wire::Welcome{incarnation, "b", 1000, 3000, {}, wire::SenderWelcome{kWindow, credited}});
}

struct Fixture {
    FakeHost host;
    SenderSession session{host, host, 9, "s"};

    /// Whether a message to id "1" may be sent.
    bool can_send(std::size_t payload_bytes = 100) const {
        return session.can_send(wire::message_bytes(1, payload_bytes));
    }
    void make_welcome() {
        session.start(kStart);
        session.on_broker_frame(welcome(), kStart);
        host.sent.clear();
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "nothing can be sent before the welcome", "[sender_session]") {
    CHECK(session.due() == kNever);
    session.start(kStart);
    CHECK(host.kind(0) == wire::Kind::kHello);
    CHECK_FALSE(can_send());
    session.on_broker_frame(welcome(), kStart);
    CHECK(can_send());
    CHECK(host.welcomes == 1);
}

TEST_CASE_METHOD(Fixture, "HELLO and heartbeats say how much was sent, without waiting messages",
                 "[sender_session]") {
    session.start(kStart);
    CHECK(host.hello(0).sent == 0);
    session.on_broker_frame(welcome(), kStart);
    session.send("a", "x");
    session.tick(kStart);
    session.send("a", "gathered");
    host.sent.clear();
    session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 3, ""}),
                            kStart + 100us);
    CHECK(host.hello(0).sent == 1);
}

TEST_CASE_METHOD(Fixture, "a sender says HELLO as soon as there is a connection",
                 "[sender_session]") {
    session.start(kStart);
    host.sent.clear();
    session.on_connected(kStart + 1ms);
    REQUIRE(host.sent.size() == 1);
    CHECK(host.kind(0) == wire::Kind::kHello);
    session.on_broker_frame(welcome(), kStart + 2ms);
    session.on_connected(kStart + 3ms);
    CHECK(host.sent.size() == 1);
}

TEST_CASE_METHOD(Fixture, "a lone message goes at once, busy ones gather", "[sender_session]") {
    make_welcome();
    CHECK(session.send("1", "a") == 1);
    session.tick(kStart);
    REQUIRE(host.sent.size() == 1);
    CHECK(host.send_frame(0).first == 1);

    CHECK(session.send("1", "b") == 2);
    CHECK(session.send("2", "c") == 3);
    session.tick(kStart + 100us);
    CHECK(host.sent.size() == 1);
    CHECK(session.due() == kStart + feed::kSenderGatherWindow);
    session.tick(kStart + feed::kSenderGatherWindow);
    REQUIRE(host.sent.size() == 2);
    CHECK(host.send_frame(1).first == 2);
    CHECK(host.send_frame(1).messages.count() == 2);
    CHECK(session.counters().messages_sent == 3);
}

TEST_CASE_METHOD(Fixture, "the window holds sends back until there is credit", "[sender_session]") {
    make_welcome();
    Time now = kStart;
    while (can_send()) {
        session.send("1", std::string(100, 'x'));
        session.tick(now += 1ms);
    }
    CHECK(session.counters().messages_sent == 8);
    CHECK(host.send_bytes() <= kWindow);
    CHECK(host.send_bytes() + wire::kSendHeaderBytes + wire::message_bytes(1, 100) > kWindow);
    CHECK_FALSE(session.all_taken_in());
    session.on_broker_frame(wire::encode(wire::Credit{4}), now);
    CHECK(can_send());
    session.on_broker_frame(wire::encode(wire::Heartbeat{0, 8, 0}), now);
    CHECK(session.all_taken_in());
}

TEST_CASE_METHOD(Fixture, "messages with and without receipt do not share a frame",
                 "[sender_session]") {
    make_welcome();
    session.send("1", "a");
    session.send("1", "b", wire::Confirm::kReceipt);
    session.flush(kStart);
    CHECK(host.send_frame(0).confirm == wire::Confirm::kNothing);
    CHECK(host.send_frame(1).confirm == wire::Confirm::kReceipt);
    CHECK(host.kind(2) == wire::Kind::kHeartbeat); // asks what was taken in
    wire::OutcomesWriter receipt;
    receipt.add({.nodes = 3, .epoch = 8, .position = 9});
    session.on_broker_frame(receipt.finish_receipt(2), kStart);
    REQUIRE(host.receipts.size() == 1);
    CHECK(host.receipts[0] == std::make_pair(std::uint64_t{2}, std::optional<std::uint32_t>(3)));
    CHECK(host.outcomes[0] == wire::Outcome{.nodes = 3, .epoch = 8, .position = 9});
}

namespace {

std::string receipt(std::uint64_t first, const std::vector<std::uint32_t>& nodes) {
    wire::OutcomesWriter writer;
    for (const std::uint32_t count : nodes) {
        writer.add({.nodes = count});
    }
    return writer.finish_receipt(first);
}

} // namespace

TEST_CASE_METHOD(Fixture, "questions and their answers pass by the messages", "[sender_session]") {
    make_welcome();
    session.send("1", "a");
    session.ask(wire::Query{5, "streams", "a"});
    REQUIRE(host.sent.size() == 1);
    CHECK(host.kind(0) == wire::Kind::kQuery);
    const std::string id("\1a");
    session.ask(wire::History{.token = 6, .count_max = 1, .ids = wire::IdList(id, 1)});
    CHECK(host.kind(1) == wire::Kind::kHistory);
    session.on_broker_frame(wire::encode(wire::Answer{5, "{}"}), kStart);
    wire::MessageFrameWriter kept(wire::MessageFrameWriter::Form::kKept);
    session.on_broker_frame(kept.finish_kept({.token = 6}), kStart);
    CHECK(host.answers == std::vector<std::uint64_t>{5, 6});
    CHECK(session.counters().bad_frames == 0);
}

TEST_CASE_METHOD(Fixture, "a refused question says nothing of the messages", "[sender_session]") {
    make_welcome();
    const std::vector<wire::Kind> questions{wire::Kind::kQuery, wire::Kind::kHistory};
    for (const wire::Kind kind : questions) {
        session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kOverloaded,
                                                              static_cast<std::uint8_t>(kind), ""}),
                                kStart);
    }
    CHECK(host.unanswered == questions);
    CHECK(host.refused.empty());
    CHECK(host.lost == 0);
    CHECK(session.welcomed());
    session.on_broker_frame(
        wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst,
                                      static_cast<std::uint8_t>(wire::Kind::kHistory), ""}),
        kStart);
    CHECK(host.lost == 1); // the broker has forgotten us
}

TEST_CASE_METHOD(Fixture, "a receipt that was not asked for is a bad frame", "[sender_session]") {
    make_welcome();
    session.send("1", "a");
    session.send("1", "b", wire::Confirm::kReceipt);
    session.send("1", "c", wire::Confirm::kReceipt);
    session.flush(kStart);
    session.send("1", "d", wire::Confirm::kReceipt); // not sent yet
    for (const std::string& frame :
         {receipt(1, {1}), receipt(2, {1}), receipt(3, {1}), receipt(2, {1, 1, 1}), receipt(4, {1}),
          receipt(UINT64_MAX, {1})}) {
        session.on_broker_frame(frame, kStart);
    }
    CHECK(session.counters().bad_frames == 6);
    CHECK(host.receipts.empty());
    session.on_broker_frame(receipt(2, {1, 2}), kStart);
    CHECK(host.receipts.size() == 2);
    session.on_broker_frame(receipt(2, {1, 2}), kStart); // once is enough
    CHECK(host.receipts.size() == 2);
    CHECK(session.counters().bad_frames == 7);
}

TEST_CASE_METHOD(Fixture, "a lost receipt does not hold up later ones", "[sender_session]") {
    make_welcome();
    for (Time now = kStart; session.counters().frames_sent < 3; now += 1ms) {
        session.send("1", "x", wire::Confirm::kReceipt);
        session.tick(now);
    }
    session.on_broker_frame(receipt(2, {5}), kStart + 1s);
    CHECK(host.receipts.size() == 1);
    session.on_broker_frame(receipt(1, {5}), kStart + 1s); // they come in order
    CHECK(host.receipts.size() == 1);
    SECTION("from the same broker") {
        session.on_broker_frame(receipt(3, {5}), kStart + 1s);
        CHECK(host.receipts.size() == 2);
    }
    SECTION("but a new broker does not know it") {
        session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 3, ""}),
                                kStart + 1s);
        session.on_broker_frame(welcome(2), kStart + 1s);
        session.on_broker_frame(receipt(3, {5}), kStart + 1s);
        CHECK(host.receipts.size() == 1);
        CHECK(session.counters().bad_frames == 2);
    }
}

TEST_CASE_METHOD(Fixture, "a lost broker is greeted again; what was under way is counted",
                 "[sender_session]") {
    make_welcome();
    session.send("1", "a");
    session.send("1", "b");
    session.tick(kStart);
    session.send("1", "waits");
    SECTION("it forgot us") {
        session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 3, ""}),
                                kStart + 1ms);
    }
    SECTION("it is silent") {
        session.tick(kStart + 3s);
    }
    CHECK(host.lost == 1);
    CHECK(host.kind(host.sent.size() - 1) == wire::Kind::kHello);
    CHECK_FALSE(can_send());
    host.sent.clear();

    session.on_broker_frame(welcome(2, 1), kStart + 4s);
    CHECK(session.counters().unconfirmed == 2); // one frame held both
    session.tick(kStart + 4s);
    REQUIRE(host.sent.size() == 1);
    CHECK(host.send_frame(0).first == 3);
}

TEST_CASE_METHOD(Fixture, "a second welcome of the same broker changes nothing",
                 "[sender_session]") {
    make_welcome();
    session.send("1", "a");
    session.tick(kStart);
    session.on_broker_frame(welcome(), kStart);
    CHECK_FALSE(session.all_taken_in());
    CHECK(session.counters().unconfirmed == 0);
    CHECK(host.welcomes == 1);
}

TEST_CASE_METHOD(Fixture, "a version refusal is reported, and HELLO waits longer",
                 "[sender_session]") {
    session.start(kStart);
    session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kVersion, 1, "old"}),
                            kStart);
    CHECK(host.refused.size() == 1);
    CHECK(session.due() == kStart + 10s);
    session.on_broker_frame("garbage", kStart);
    CHECK(session.counters().bad_frames == 1);
}

TEST_CASE_METHOD(Fixture, "goodbye sends what waits", "[sender_session]") {
    make_welcome();
    session.send("1", "a");
    session.goodbye(kStart);
    CHECK(host.kind(0) == wire::Kind::kSend);
    CHECK(host.kind(host.sent.size() - 1) == wire::Kind::kGoodbye);
    CHECK(session.due() == kNever);
}

namespace {

std::string acknowledged(std::uint64_t first, const std::vector<std::uint32_t>& nodes) {
    wire::OutcomesWriter writer;
    for (const std::uint32_t count : nodes) {
        writer.add({.nodes = count});
    }
    return writer.finish_acknowledged(first);
}

/// A sender that has sent messages 1 and 2 in one frame and 3 in another, all to be acknowledged.
struct AwaitingFixture : Fixture {
    AwaitingFixture() {
        make_welcome();
        send("a");
        send("b");
        session.tick(kStart);
        send("c");
        session.tick(kStart + 1ms);
        sent_first = std::exchange(host.sent, {});
    }
    void send(const std::string& text) { session.send("1", text, wire::Confirm::kAcknowledgement); }
    std::vector<std::string> sent_first;
};

using Told = std::vector<std::pair<std::uint64_t, std::optional<std::uint32_t>>>;

} // namespace

TEST_CASE_METHOD(AwaitingFixture, "an acknowledgement is reported, and frees the kept message",
                 "[sender_session]") {
    REQUIRE(sent_first.size() == 2);
    CHECK(session.unacknowledged() == 3);
    session.on_broker_frame(acknowledged(3, {0}), kStart);
    session.on_broker_frame(acknowledged(1, {2, 1}), kStart);
    CHECK(host.acknowledged == Told{{3, 0}, {1, 2}, {2, 1}});
    CHECK(session.unacknowledged() == 0);
    SECTION("a second one, for a frame sent twice, is not reported") {
        session.on_broker_frame(acknowledged(1, {2, 1}), kStart);
        CHECK(host.acknowledged.size() == 3);
    }
    SECTION("one for messages that were never sent is a bad frame") {
        session.on_broker_frame(acknowledged(4, {1}), kStart);
        CHECK(host.acknowledged.size() == 3);
        CHECK(session.counters().bad_frames == 1);
    }
    SECTION("nothing is sent again afterwards") {
        session.on_broker_frame(welcome(2), kStart + 1s);
        session.tick(kStart + 1s);
        CHECK(host.sent.empty());
    }
}

TEST_CASE_METHOD(AwaitingFixture, "a new broker gets what the old one did not acknowledge, first",
                 "[sender_session]") {
    session.on_broker_frame(acknowledged(3, {1}), kStart);
    session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 3, ""}),
                            kStart + 1s);
    host.sent.clear();
    session.on_broker_frame(welcome(2), kStart + 1s);
    CHECK_FALSE(can_send());
    session.tick(kStart + 1s);
    REQUIRE(host.sent.size() == 1);
    CHECK(host.sent[0] == sent_first[0]);
    CHECK(session.counters().messages_resent == 2);
    CHECK(session.counters().unconfirmed == 0);
    REQUIRE(can_send());
    send("d");
    session.tick(kStart + 2s);
    CHECK(host.send_frame(1).first == 4);
    session.on_broker_frame(acknowledged(1, {1, 1}), kStart + 2s);
    session.on_broker_frame(acknowledged(4, {1}), kStart + 2s);
    CHECK(session.unacknowledged() == 0);
}

TEST_CASE_METHOD(AwaitingFixture, "a new broker is given time to hear from its nodes",
                 "[sender_session]") {
    session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 3, ""}),
                            kStart + 1s);
    const auto young = wire::SenderWelcome{kWindow, 0, 2000};
    session.on_broker_frame(wire::encode(wire::Welcome{2, "b", 1000, 3000, {}, young}),
                            kStart + 1s);
    host.sent.clear();
    session.tick(kStart + 1500ms);
    session.flush(kStart + 1500ms);
    CHECK_FALSE(can_send());
    CHECK(session.counters().messages_resent == 0);
    CHECK(session.due() <= kStart + 3s);
    session.on_broker_frame(wire::encode(wire::Heartbeat{}), kStart + 2s);
    session.tick(kStart + 3s);
    CHECK(session.counters().messages_resent == 3);
    CHECK(can_send());
}

TEST_CASE_METHOD(Fixture, "the age of the first broker does not matter", "[sender_session]") {
    session.start(kStart);
    const auto young = wire::SenderWelcome{kWindow, 0, 2000};
    session.on_broker_frame(wire::encode(wire::Welcome{1, "b", 1000, 3000, {}, young}), kStart);
    CHECK(can_send());
}

TEST_CASE_METHOD(AwaitingFixture,
                 "messages without an answer for two liveness times are sent again",
                 "[sender_session]") {
    Time now = kStart;
    for (; now < kStart + 5900ms; now += 500ms) {
        session.on_broker_frame(wire::encode(wire::Heartbeat{0, 3, 0}), now);
        session.tick(now);
    }
    CHECK(session.counters().messages_resent == 0);
    session.on_broker_frame(wire::encode(wire::Heartbeat{0, 3, 0}), kStart + 6s);
    CHECK(session.due() <= kStart + 6s);
    session.tick(kStart + 6s);
    CHECK(session.counters().messages_resent == 3);
    CHECK(session.due() > kStart + 6s);
}

TEST_CASE_METHOD(AwaitingFixture, "sending again keeps to the window", "[sender_session]") {
    for (Time now = kStart + 1ms; session.unacknowledged() < 100; now += 1ms) {
        send(std::string(150, 'x'));
        session.tick(now);
        session.on_broker_frame(wire::encode(wire::Credit{1000}), now);
        REQUIRE(can_send());
    }
    session.flush(kStart + 200ms);
    host.sent.clear();
    session.on_broker_frame(welcome(2), kStart + 1s);
    session.tick(kStart + 1s);
    std::size_t bytes = 0;
    for (const std::string& frame : host.sent) {
        bytes += frame.size();
    }
    CHECK(bytes <= kWindow);
    CHECK_FALSE(can_send());
    CHECK(session.due() > kStart + 1s);
    for (int turn = 0; turn < 200 && !can_send(); ++turn) {
        session.on_broker_frame(wire::encode(wire::Credit{1000}), kStart + 1s);
        session.tick(kStart + 1s);
    }
    CHECK(can_send());
    CHECK(session.counters().messages_resent == 100);
}

TEST_CASE_METHOD(AwaitingFixture,
                 "messages gathered before others are sent again keep to the window",
                 "[sender_session]") {
    session.on_broker_frame(acknowledged(1, {1, 1}), kStart + 1ms);
    session.on_broker_frame(acknowledged(3, {1}), kStart + 1ms);
    send(std::string(600, 'x'));
    session.tick(kStart + 2ms);
    session.on_broker_frame(wire::encode(wire::Credit{4}), kStart + 2ms);
    send(std::string(600, 'y')); // still gathered when the broker has forgotten us
    session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 3, ""}),
                            kStart + 2ms);
    host.sent.clear();
    session.on_broker_frame(welcome(), kStart + 3ms);
    session.tick(kStart + 1s);
    session.flush(kStart + 1s);
    REQUIRE(host.send_bytes() <= kWindow);
    CHECK(host.send_frame(0).first == 4);
    CHECK_FALSE(can_send());
    CHECK(session.due() > kStart + 1s);
    SECTION("and go when there is credit") {
        host.sent.clear();
        session.on_broker_frame(wire::encode(wire::Credit{4}), kStart + 1s);
        CHECK(session.due() <= kStart + 1s);
        session.tick(kStart + 1s);
        CHECK(host.send_frame(0).first == 5);
    }
    SECTION("and count as not taken in without credit") {
        session.goodbye(kStart + 2s);
        CHECK(host.send_bytes() <= kWindow);
        CHECK(session.not_taken_in() == 2);
    }
}

TEST_CASE_METHOD(Fixture, "a message larger than the window goes alone", "[sender_session]") {
    constexpr std::size_t kLarge = std::size_t{2} * kWindow;
    make_welcome();
    session.send("1", "small");
    CHECK_FALSE(can_send(kLarge)); // the small one is gathered
    session.tick(kStart);
    CHECK_FALSE(can_send(kLarge));
    CHECK(can_send(0));
    session.on_broker_frame(wire::encode(wire::Credit{1}), kStart + 2ms);
    REQUIRE(can_send(kLarge));
    session.send("1", std::string(kLarge, 'x'));
    CHECK_FALSE(can_send(0));
    session.tick(kStart + 2ms);
    REQUIRE(host.sent.size() == 2);
    CHECK(host.sent[1].size() > kWindow);
    CHECK_FALSE(can_send(0));
    session.on_broker_frame(wire::encode(wire::Credit{2}), kStart + 3ms);
    CHECK(can_send());
}

TEST_CASE_METHOD(Fixture, "in a hurry messages are not gathered", "[sender_session]") {
    make_welcome();
    session.send("1", "first");
    session.tick(kStart);
    session.send("1", "second");
    CHECK(session.due() > kStart + 100us);
    session.hurry();
    CHECK(session.due() <= kStart + 100us);
    session.tick(kStart + 100us);
    CHECK(host.sent.size() == 2);
    session.hurry(); // nothing waits: it does not concern a later message
    session.tick(kStart + 150us);
    session.send("1", "third");
    session.tick(kStart + 200us);
    CHECK(host.sent.size() == 2);
}

TEST_CASE_METHOD(Fixture, "all gathered messages go with the next tick, within the window",
                 "[sender_session]") {
    const auto confirm_every = GENERATE(1000U, 1U, 3U);
    CAPTURE(confirm_every);
    make_welcome();
    session.send("1", "first"); // so that the others gather
    session.tick(kStart);
    unsigned sent = 0;
    for (const std::size_t bytes : {200U, 1U, 300U, 50U, 0U, 0U, 120U, 10U, 10U}) {
        if (can_send(bytes)) {
            const bool receipt = sent++ % confirm_every == confirm_every - 1;
            session.send("1", std::string(bytes, 'x'),
                         receipt ? wire::Confirm::kReceipt : wire::Confirm::kNothing);
        }
    }
    session.tick(kStart + feed::kSenderGatherWindow);
    CHECK(session.counters().messages_sent == 1 + sent);
    CHECK(host.send_bytes() <= kWindow);
}

TEST_CASE_METHOD(Fixture, "the range of numbers that may be sent again is bounded",
                 "[sender_session]") {
    make_welcome();
    Time now = kStart;
    session.send("1", "first", wire::Confirm::kAcknowledgement);
    while (can_send()) {
        session.send("1", "");
        session.tick(now += 1ms);
        session.on_broker_frame(wire::encode(wire::Credit{1'000'000}), now);
        REQUIRE(session.counters().messages_sent < std::uint64_t{2} * wire::kUnacknowledgedMax);
    }
    CHECK(session.counters().messages_sent <= wire::kUnacknowledgedMax);
    session.on_broker_frame(acknowledged(1, {1}), now);
    CHECK(can_send());
}

} // namespace sender_session_test
