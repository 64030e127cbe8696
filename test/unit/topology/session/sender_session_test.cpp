// A sender's conversation with a broker, played by hand.
#include "topology/session/sender_session.hpp"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

using namespace zcomet;
using namespace zcomet::session;

namespace {

const Time kStart = Time{} + 1h;
constexpr std::uint32_t kWindow = 1000;

struct FakeHost : SenderSessionHost {
    void send_to_broker(std::string frame) override { sent.push_back(std::move(frame)); }
    void on_receipt(std::uint64_t number, std::uint32_t nodes) override {
        receipts.emplace_back(number, nodes);
    }
    void on_acknowledged(std::uint64_t number, std::uint32_t nodes) override {
        acknowledged.emplace_back(number, nodes);
    }
    void on_welcome(std::string_view) override { ++welcomes; }
    void on_lost() override { ++lost; }
    void on_refused(wire::ErrorCode code, std::string_view) override { refused.push_back(code); }

    wire::Kind kind(std::size_t index) const {
        return static_cast<wire::Kind>(static_cast<unsigned char>(sent.at(index)[3]));
    }
    wire::Send send(std::size_t index) const {
        return std::get<wire::Send>(std::get<wire::Frame>(wire::decode(sent.at(index))));
    }
    wire::Hello hello(std::size_t index) const {
        return std::get<wire::Hello>(std::get<wire::Frame>(wire::decode(sent.at(index))));
    }

    std::vector<std::string> sent;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> receipts;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> acknowledged;
    std::vector<wire::ErrorCode> refused;
    int welcomes = 0;
    int lost = 0;
};

std::string welcome(std::uint64_t incarnation = 1, std::uint64_t credited = 0) {
    return wire::encode(
        wire::Welcome{incarnation, "b", 1000, 3000, 0, wire::SenderWelcome{kWindow, credited}});
}

struct Fixture {
    FakeHost host;
    SenderSession session{host, 9, "s"};

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
    CHECK_FALSE(session.can_send());
    session.on_broker_frame(welcome(), kStart);
    CHECK(session.can_send());
    CHECK(host.welcomes == 1);
}

TEST_CASE_METHOD(Fixture, "HELLO and heartbeats say how much was sent, not what waits its turn",
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
    CHECK(host.send(0).first == 1);

    CHECK(session.send("1", "b") == 2);
    CHECK(session.send("2", "c") == 3);
    session.tick(kStart + 100us);
    CHECK(host.sent.size() == 1);
    CHECK(session.due() == kStart + feed::kSenderGatherWindow);
    session.tick(kStart + feed::kSenderGatherWindow);
    REQUIRE(host.sent.size() == 2);
    CHECK(host.send(1).first == 2);
    CHECK(host.send(1).messages.count() == 2);
    CHECK(session.counters().messages_sent == 3);
}

TEST_CASE_METHOD(Fixture, "the window holds sends back until there is credit", "[sender_session]") {
    make_welcome();
    Time now = kStart;
    while (session.can_send()) {
        session.send("1", std::string(100, 'x'));
        session.tick(now += 1ms);
    }
    CHECK(session.counters().messages_sent == 8);
    CHECK_FALSE(session.all_taken_in());
    session.on_broker_frame(wire::encode(wire::Credit{4}), now);
    CHECK(session.can_send());
    session.on_broker_frame(wire::encode(wire::Heartbeat{0, 8, 0}), now);
    CHECK(session.all_taken_in());
}

TEST_CASE_METHOD(Fixture, "messages with and without receipt do not share a frame",
                 "[sender_session]") {
    make_welcome();
    session.send("1", "a");
    session.send("1", "b", wire::Confirm::kReceipt);
    session.flush(kStart);
    CHECK(host.send(0).confirm == wire::Confirm::kNothing);
    CHECK(host.send(1).confirm == wire::Confirm::kReceipt);
    CHECK(host.kind(2) == wire::Kind::kHeartbeat); // asks what was taken in
    wire::NodeCountsWriter receipt;
    receipt.add(3);
    session.on_broker_frame(receipt.finish_receipt(2), kStart);
    REQUIRE(host.receipts.size() == 1);
    CHECK(host.receipts[0] == std::make_pair(std::uint64_t{2}, std::uint32_t{3}));
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
    CHECK_FALSE(session.can_send());
    host.sent.clear();

    session.on_broker_frame(welcome(2, 1), kStart + 4s);
    CHECK(session.counters().unconfirmed == 2); // one frame held both
    session.tick(kStart + 4s);
    REQUIRE(host.sent.size() == 1);
    CHECK(host.send(0).first == 3);
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

TEST_CASE_METHOD(Fixture, "a version refusal is told, and HELLO waits longer", "[sender_session]") {
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
    wire::NodeCountsWriter writer;
    for (const std::uint32_t count : nodes) {
        writer.add(count);
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

using Told = std::vector<std::pair<std::uint64_t, std::uint32_t>>;

} // namespace

TEST_CASE_METHOD(AwaitingFixture, "an acknowledgement is told, and frees what was kept",
                 "[sender_session]") {
    REQUIRE(sent_first.size() == 2);
    CHECK(session.unacknowledged() == 3);
    session.on_broker_frame(acknowledged(3, {0}), kStart);
    session.on_broker_frame(acknowledged(1, {2, 1}), kStart);
    CHECK(host.acknowledged == Told{{3, 0}, {1, 2}, {2, 1}});
    CHECK(session.unacknowledged() == 0);
    SECTION("a second one, of a frame that was sent twice, is not") {
        session.on_broker_frame(acknowledged(1, {2, 1}), kStart);
        CHECK(host.acknowledged.size() == 3);
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
    CHECK_FALSE(session.can_send());
    session.tick(kStart + 1s);
    REQUIRE(host.sent.size() == 1);
    CHECK(host.sent[0] == sent_first[0]);
    CHECK(session.counters().messages_resent == 2);
    CHECK(session.counters().unconfirmed == 0);
    REQUIRE(session.can_send());
    send("d");
    session.tick(kStart + 2s);
    CHECK(host.send(1).first == 4);
    session.on_broker_frame(acknowledged(1, {1, 1}), kStart + 2s);
    session.on_broker_frame(acknowledged(4, {1}), kStart + 2s);
    CHECK(session.unacknowledged() == 0);
}

TEST_CASE_METHOD(AwaitingFixture, "a new broker is given time to hear from its nodes",
                 "[sender_session]") {
    session.on_broker_frame(wire::encode(wire::ErrorFrame{wire::ErrorCode::kHelloFirst, 3, ""}),
                            kStart + 1s);
    const auto young = wire::SenderWelcome{kWindow, 0, 2000};
    session.on_broker_frame(wire::encode(wire::Welcome{2, "b", 1000, 3000, 0, young}), kStart + 1s);
    host.sent.clear();
    session.tick(kStart + 1500ms);
    session.flush(kStart + 1500ms);
    CHECK_FALSE(session.can_send());
    CHECK(session.counters().messages_resent == 0);
    CHECK(session.due() <= kStart + 3s);
    session.on_broker_frame(wire::encode(wire::Heartbeat{}), kStart + 2s);
    session.tick(kStart + 3s);
    CHECK(session.counters().messages_resent == 3);
    CHECK(session.can_send());
}

TEST_CASE_METHOD(Fixture, "the first broker's age is nobody's business", "[sender_session]") {
    session.start(kStart);
    const auto young = wire::SenderWelcome{kWindow, 0, 2000};
    session.on_broker_frame(wire::encode(wire::Welcome{1, "b", 1000, 3000, 0, young}), kStart);
    CHECK(session.can_send());
}

TEST_CASE_METHOD(AwaitingFixture, "what goes without an answer for two lifetimes is sent again",
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
        REQUIRE(session.can_send());
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
    CHECK_FALSE(session.can_send());
    CHECK(session.due() > kStart + 1s);
    for (int turn = 0; turn < 200 && !session.can_send(); ++turn) {
        session.on_broker_frame(wire::encode(wire::Credit{1000}), kStart + 1s);
        session.tick(kStart + 1s);
    }
    CHECK(session.can_send());
    CHECK(session.counters().messages_resent == 100);
}

TEST_CASE_METHOD(Fixture, "what may be sent again is bounded in numbers", "[sender_session]") {
    make_welcome();
    Time now = kStart;
    session.send("1", "first", wire::Confirm::kAcknowledgement);
    while (session.can_send()) {
        session.send("1", "");
        session.tick(now += 1ms);
        session.on_broker_frame(wire::encode(wire::Credit{1'000'000}), now);
        REQUIRE(session.counters().messages_sent < 2 * wire::kUnacknowledgedMax);
    }
    CHECK(session.counters().messages_sent <= wire::kUnacknowledgedMax);
    session.on_broker_frame(acknowledged(1, {1}), now);
    CHECK(session.can_send());
}
