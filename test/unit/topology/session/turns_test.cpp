// A link's work in one turn. The test plays the sockets.
#include "test/unit/topology/session/sent_frames.hpp"
#include "topology/session/turns.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <utility>

namespace turns_test {

using namespace zcomet;
using namespace zcomet::session;

namespace {

const Time kStart = Time{} + 1h;
constexpr std::uint64_t kFeed = 77;

using Kinds = std::vector<wire::Kind>;
using wire::Kind;

/// Refuses frames while it is not connected, as a DEALER does.
struct FakeSockets : Wires, FeedWires, SentFrames {
    explicit FakeSockets(ConnectionWatch& of) : watch(of) {}

    void send(std::string&& frame) override {
        if (is_connected) {
            watch.took();
            sent.push_back(std::move(frame));
        } else {
            watch.refused();
        }
    }
    std::optional<std::string_view> receive() override { return next(frames); }
    bool connected() override { return is_connected; }
    Status connect_feed(const std::string&) override { return Done{}; }
    std::optional<std::string_view> receive_batch() override { return next(batches); }
    bool batch_waits() override { return !batches.empty(); }

    std::optional<std::string_view> next(std::deque<std::string>& from) {
        if (from.empty()) {
            return std::nullopt;
        }
        in_hand = std::move(from.front());
        from.pop_front();
        return in_hand;
    }

    ConnectionWatch& watch;
    bool is_connected = true;
    std::deque<std::string> frames, batches;
    std::string in_hand;
};

struct FakeNode : NodeEvents {
    void deliver(const wire::MessageList& messages) override { delivered += messages.count(); }
    bool can_take() const override { return delivered < delivered_max; }
    void for_each_login(const std::function<void(std::string_view)>&) const override {}
    std::uint64_t stream_count() const override { return 0; }
    wire::NodeLedger ledger() const override { return {}; }
    void on_lost() override { ++lost; }
    void on_refused(wire::ErrorCode, std::string_view) override {}
    void on_no_feed(std::string_view) override {}

    std::size_t delivered = 0;
    std::size_t delivered_max = 1'000'000;
    int lost = 0;
};

std::string batch(std::uint64_t number) {
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
    writer.add({"1", "x"});
    return writer.finish_batch(kFeed, number);
}

struct NodeFixture {
    ConnectionWatch watch;
    FakeSockets sockets{watch};
    FakeNode node;
    Node itself{node, 9, "n"};
    NodeSession session{itself, 0, sockets, sockets, "192.0.2.1"};
    NodeTurn turn{session, sockets, sockets, node, watch};

    void make_live() {
        session.start(kStart);
        sockets.frames.push_back(wire::encode(
            wire::Welcome{1, "b", 1000, 3000, {}, wire::NodeWelcome{"tcp://h:1", kFeed, 0, 0}}));
        sockets.batches.push_back(wire::encode_empty_batch(kFeed, 0));
        turn.run(kStart);
        REQUIRE(session.live());
        sockets.kinds();
    }
};

struct SenderFixture {
    ConnectionWatch watch;
    FakeSockets sockets{watch};
    SenderEvents events;
    SenderSession session{sockets, events, 9, "s"};
    SenderTurn turn{session, sockets, watch};
};

} // namespace

TEST_CASE_METHOD(NodeFixture, "a node greets the broker in the turn that finds the connection",
                 "[turns]") {
    sockets.is_connected = false;
    session.start(kStart);
    turn.run(kStart);
    sockets.is_connected = true;
    turn.run(kStart + 1ms);
    CHECK(sockets.kinds() == Kinds{Kind::kHello});
    turn.run(kStart + 2ms);
    CHECK(sockets.kinds().empty());
}

TEST_CASE_METHOD(NodeFixture, "a node that is woken for nothing notices another connection",
                 "[turns]") {
    make_live();
    turn.run(kStart + 1ms); // sees the connection
    sockets.kinds();
    sockets.is_connected = false;
    turn.run(kStart + 2ms);
    sockets.is_connected = true;
    turn.run(kStart + 3ms);
    CHECK(sockets.kinds() == Kinds{Kind::kHello});
}

TEST_CASE_METHOD(NodeFixture, "a turn takes in a bounded number of batches", "[turns]") {
    make_live();
    for (std::uint64_t number = 1; number <= 100; ++number) {
        sockets.batches.push_back(batch(number));
    }
    turn.run(kStart);
    CHECK(node.delivered == 64);
    turn.run(kStart);
    CHECK(node.delivered == 100);
}

TEST_CASE_METHOD(NodeFixture,
                 "batches wait while the node can take no more, and do not count as silence",
                 "[turns]") {
    make_live();
    node.delivered_max = 1;
    sockets.batches = {batch(1), batch(2)};
    for (Time now = kStart; now < kStart + 10s; now += 1s) {
        sockets.frames.push_back(wire::encode(wire::Heartbeat{})); // the broker lives
        turn.run(now);
    }
    CHECK(node.delivered == 1);
    CHECK(sockets.batches.size() == 1);
    CHECK(node.lost == 0);
    node.delivered_max = 2;
    turn.run(kStart + 10s);
    CHECK(node.delivered == 2);
}

TEST_CASE_METHOD(NodeFixture, "an acknowledgement goes between the batches of one turn",
                 "[turns]") {
    make_live();
    const std::string text(wire::kPayloadBytesMax - 100, 'x');
    for (std::uint64_t number = 1; number <= 4; ++number) {
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
        writer.add({"1", text});
        sockets.batches.push_back(writer.finish_batch(kFeed, number));
    }
    turn.run(kStart);
    CHECK(sockets.kinds() == Kinds{Kind::kHeartbeat, Kind::kHeartbeat});
}

TEST_CASE_METHOD(SenderFixture, "a sender greets the broker as soon as it is connected",
                 "[turns]") {
    sockets.is_connected = false;
    session.start(kStart);
    turn.receive(kStart);
    sockets.is_connected = true;
    turn.receive(kStart);
    CHECK(sockets.kinds() == Kinds{Kind::kHello});
    turn.receive(kStart);
    CHECK(sockets.kinds().empty());
}

TEST_CASE_METHOD(SenderFixture, "a sender takes in all that waits", "[turns]") {
    session.start(kStart);
    sockets.frames.push_back(
        wire::encode(wire::Welcome{1, "b", 1000, 3000, {}, wire::SenderWelcome{1000, 0}}));
    sockets.frames.emplace_back("garbage");
    turn.receive(kStart);
    CHECK(session.welcomed());
    CHECK(session.counters().bad_frames == 1);
}

TEST_CASE_METHOD(SenderFixture, "however much waits, a sender's turn ends", "[turns]") {
    session.start(kStart);
    sockets.frames.assign(1000, "garbage");
    turn.receive(kStart);
    const std::uint64_t first = session.counters().bad_frames;
    CHECK(first > 0);
    CHECK(first < 1000);
    turn.receive(kStart);
    CHECK(session.counters().bad_frames == 2 * first);
}

} // namespace turns_test
