// A sender's conversation with a broker, played by hand.
#include "topology/sender_session.hpp"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

using namespace zcomet;

namespace {

const Time kStart = Time{} + 1h;
constexpr std::uint32_t kWindow = 1000;

struct FakeHost : SenderSessionHost {
    void send_to_broker(std::string frame) override { sent.push_back(std::move(frame)); }
    void on_receipt(std::uint64_t number, std::uint32_t nodes) override {
        receipts.emplace_back(number, nodes);
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

    std::vector<std::string> sent;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> receipts;
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
    CHECK(session.due() == kStart + kSenderGatherWindow);
    session.tick(kStart + kSenderGatherWindow);
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
    session.send("1", "b", true);
    session.flush(kStart);
    CHECK_FALSE(host.send(0).receipt);
    CHECK(host.send(1).receipt);
    CHECK(host.kind(2) == wire::Kind::kHeartbeat); // asks what was taken in
    wire::ReceiptWriter receipt;
    receipt.add(3);
    session.on_broker_frame(receipt.finish(2), kStart);
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
