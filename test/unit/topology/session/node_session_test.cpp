// A node's conversation with a broker, which the test plays.
#include "test/unit/topology/session/sent_frames.hpp"
#include "topology/session/node_session.hpp"
#include "topology/wire/id_digest.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <vector>

namespace node_session_test {

using namespace zcomet;
using namespace zcomet::session;

namespace {

const Time kStart = Time{} + 1h;
constexpr std::uint64_t kFeed = 77;

struct FakeHost : Wires, FeedWires, NodeEvents, SentFrames {
    void send(std::string&& frame) override { sent.push_back(std::move(frame)); }
    std::optional<std::string_view> receive() override { return std::nullopt; }
    bool connected() override { return true; }
    Status connect_feed(const std::string& endpoint) override {
        feeds.push_back(endpoint);
        return can_connect ? Status(Done{}) : Status(Error{"no such address"});
    }
    std::optional<std::string_view> receive_batch() override { return std::nullopt; }
    bool batch_waits() override { return false; }
    void deliver(const wire::MessageList& messages) override {
        messages.for_each(
            [this](const wire::Message& message) { delivered.emplace_back(message.payload); });
    }
    void for_each_login(const std::function<void(std::string_view)>& visit) const override {
        for (const std::string& id : ids) {
            visit(id);
        }
    }
    std::uint64_t stream_count() const override { return ids.size(); }
    void on_drain_asked() override { ++drains_asked; }
    std::optional<std::uint64_t> streams_of(std::string_view id) const override {
        return counts_streams ? std::optional(ids.count(std::string(id))) : std::nullopt;
    }
    wire::NodeLedger ledger() const override { return told_ledger; }
    void on_welcomed() override { ++welcomed; }
    void on_kept(const wire::Kept& answer) override { kept.push_back(answer.token); }
    void on_live(std::string_view) override { ++live; }
    void on_lost() override { ++lost; }
    void on_gap(const Gap& gap) override { gaps.push_back(gap); }
    void on_refused(wire::ErrorCode code, std::string_view) override { refused.push_back(code); }
    void on_feed_silent(std::string_view text) override { silent_feed.emplace_back(text); }
    void on_no_feed(std::string_view text) override { no_feed.emplace_back(text); }

    std::vector<std::string> feeds, delivered, no_feed, silent_feed;
    bool can_connect = true;
    int drains_asked = 0;
    bool counts_streams = true;
    std::set<std::string> ids;
    wire::NodeLedger told_ledger;
    std::vector<wire::ErrorCode> refused;
    std::vector<Gap> gaps;
    std::vector<std::uint64_t> kept; // tokens
    int welcomed = 0;
    int live = 0;
    int lost = 0;
};

std::string welcome(std::uint64_t changes_applied = 0, std::uint64_t feed = kFeed,
                    const char* endpoint = "tcp://0.0.0.0:5556") {
    return wire::encode(wire::Welcome{
        1, "b", 1000, 3000, {}, wire::NodeWelcome{endpoint, feed, changes_applied, 0}});
}

std::string batch(std::uint64_t number, const std::string& text, std::uint64_t feed = kFeed) {
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
    writer.add({"1", text});
    return writer.finish_batch(feed, number);
}

std::string error(wire::ErrorCode code) {
    return wire::encode(wire::ErrorFrame{code, 0, "why"});
}

using Kinds = std::vector<wire::Kind>;
using wire::Kind;

struct Fixture {
    FakeHost host;
    Node node{host, 9, "n"};
    NodeSession session{node, 0, host, host, "192.0.2.1"};

    void make_live() {
        session.start(kStart);
        session.on_broker_frame(welcome(), kStart);
        session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart);
        session.tick(kStart);
        REQUIRE(session.live());
        host.kinds();
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a node is live once its feed has shown itself", "[node_session]") {
    session.start(kStart);
    CHECK(host.kinds() == Kinds{Kind::kHello});
    CHECK(host.last_as<wire::Hello>().incarnation == 9);
    CHECK(host.last_as<wire::Hello>().role == wire::Role::kNode);

    session.on_broker_frame(welcome(), kStart);
    CHECK(host.feeds == std::vector<std::string>{"tcp://192.0.2.1:5556"});
    CHECK_FALSE(session.live());

    session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart);
    CHECK(session.live());
    CHECK(host.live == 1);
    session.on_feed_frame(batch(1, "hi"), kStart);
    CHECK(host.delivered == std::vector<std::string>{"hi"});
}

TEST_CASE_METHOD(Fixture, "an endpoint that names a host is used unchanged", "[node_session]") {
    session.start(kStart);
    session.on_broker_frame(welcome(0, kFeed, "tcp://198.51.100.7:1"), kStart);
    CHECK(host.feeds == std::vector<std::string>{"tcp://198.51.100.7:1"});
}

TEST_CASE_METHOD(Fixture, "a feed that this process cannot connect to is reported",
                 "[node_session]") {
    host.can_connect = false;
    session.start(kStart);
    session.on_broker_frame(welcome(), kStart);
    CHECK(host.no_feed == std::vector<std::string>{"no such address"});
    CHECK(host.refused.empty());
    CHECK_FALSE(session.live());
}

TEST_CASE_METHOD(Fixture, "a node says how many streams it has of an id", "[node_session]") {
    make_live();
    host.ids.emplace("a");
    const auto told = [this](std::string_view what, std::string_view id) {
        session.on_broker_frame(wire::encode(wire::Query{7, what, id}), kStart);
        return host.kinds() == Kinds{Kind::kAnswer} ? std::string(host.last_as<wire::Answer>().json)
                                                    : std::string("no answer");
    };
    CHECK(told("streams", "a") == "1");
    CHECK(host.last_as<wire::Answer>().token == 7);
    CHECK(told("streams", "b") == "0");
    CHECK(told("streams", "no id\n") == "0");
    CHECK(told("weather", "") == "no answer");
    CHECK(host.drains_asked == 0);
    CHECK(told("drain", "") == "no answer");
    CHECK(host.drains_asked == 1);
    host.counts_streams = false;
    CHECK(told("streams", "a") == "null");
    CHECK(session.counters().bad_frames == 0);
}

TEST_CASE_METHOD(Fixture, "HELLO is repeated until it is answered", "[node_session]") {
    session.start(kStart);
    host.kinds();
    session.tick(kStart + 999ms);
    CHECK(host.kinds().empty());
    CHECK(session.due() == kStart + 1s);
    session.tick(kStart + 1s);
    CHECK(host.kinds() == Kinds{Kind::kHello});
}

TEST_CASE_METHOD(Fixture, "HELLO goes as soon as there is a connection", "[node_session]") {
    session.start(kStart);
    host.kinds();
    session.on_connected(kStart + 1ms);
    CHECK(host.kinds() == Kinds{Kind::kHello});
    session.on_broker_frame(welcome(), kStart + 2ms);
    CHECK(host.kinds().empty());
}

TEST_CASE_METHOD(Fixture, "a connection that comes back says HELLO without a loss",
                 "[node_session]") {
    make_live();
    host.ids = {"a"};
    session.login("a");
    session.tick(kStart);
    host.kinds();
    session.on_connected(kStart + 1ms);
    CHECK(host.kinds() == Kinds{Kind::kHello});
    SECTION("to the same broker") {
        session.on_broker_frame(welcome(1), kStart + 2ms);
        session.tick(kStart + 2ms);
        CHECK(host.kinds().empty());
        CHECK(session.live());
        CHECK(host.lost == 0);
    }
    SECTION("to one that was restarted") {
        session.on_broker_frame(welcome(0, kFeed + 1), kStart + 2ms);
        session.tick(kStart + 2ms);
        CHECK(host.kinds() == Kinds{Kind::kList});
        CHECK_FALSE(session.live());
        CHECK(host.lost == 1);
        session.on_feed_frame(wire::encode_empty_batch(kFeed + 1, 0), kStart + 2ms);
        CHECK(session.live());
        CHECK(host.live == 2);
    }
}

TEST_CASE_METHOD(Fixture, "a broker that is busy with our list is not lost while its feed lives",
                 "[node_session]") {
    make_live();
    session.on_broker_frame(error(wire::ErrorCode::kListNeeded), kStart);
    session.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kList});
    session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart + 2s);
    session.tick(kStart + 4s);
    CHECK(session.live());
    SECTION("until its feed is silent") {
        session.tick(kStart + 5s);
        CHECK_FALSE(session.live());
    }
    SECTION("once it has confirmed the list its own silence is a loss, too") {
        session.on_broker_frame(wire::encode(wire::Heartbeat{0, 1, 0}), kStart + 4s);
        session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart + 6s);
        session.tick(kStart + 7s);
        CHECK_FALSE(session.live());
    }
}

TEST_CASE_METHOD(Fixture, "the list of logins made before WELCOME follows it", "[node_session]") {
    session.start(kStart);
    host.ids = {"a"};
    session.login("a");
    session.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kHello});
    session.on_broker_frame(welcome(), kStart);
    session.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kList});
    CHECK(host.last_as<wire::List>().first);
    CHECK(host.last_as<wire::List>().last);
    CHECK(host.last_as<wire::List>().ids.count() == 1);
}

TEST_CASE_METHOD(Fixture, "a broker that forgot us, or was restarted, gets HELLO and the list",
                 "[node_session]") {
    make_live();
    host.ids = {"a"};
    session.login("a");
    session.tick(kStart);
    session.on_feed_frame(batch(1, "before"), kStart);
    host.kinds();

    session.on_broker_frame(error(wire::ErrorCode::kHelloFirst), kStart + 1s);
    CHECK(host.kinds() == Kinds{Kind::kHello});
    CHECK(host.lost == 1);
    session.on_broker_frame(welcome(0, kFeed + 1), kStart + 1s);
    session.tick(kStart + 1s);
    CHECK(host.kinds() == Kinds{Kind::kList});
    CHECK_FALSE(session.live());
    session.on_feed_frame(batch(2, "old feed"), kStart + 1s);
    CHECK_FALSE(session.live());
    session.on_feed_frame(batch(1, "after", kFeed + 1), kStart + 1s);
    CHECK(session.live());
    CHECK(host.live == 2);
    CHECK(host.delivered == std::vector<std::string>{"before", "after"});
}

TEST_CASE_METHOD(Fixture, "a broker that still knows everything gets no list", "[node_session]") {
    make_live();
    session.login("a");
    session.tick(kStart);
    session.on_broker_frame(error(wire::ErrorCode::kHelloFirst), kStart + 1s);
    host.kinds();
    session.on_broker_frame(welcome(1), kStart + 1s);
    session.tick(kStart + 1s);
    CHECK(host.kinds().empty());
    CHECK(session.live()); // the feed is the same and has been seen
}

TEST_CASE_METHOD(Fixture, "silence of the broker or of its feed is a loss", "[node_session]") {
    make_live();
    SECTION("broker") {
        session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart + 2s);
    }
    SECTION("feed") {
        session.on_broker_frame(wire::encode(wire::Heartbeat{}), kStart + 2s);
    }
    session.tick(kStart + 2999ms);
    CHECK(session.live());
    host.kinds();
    CHECK(session.due() <= kStart + 3s);
    session.tick(kStart + 3s);
    CHECK_FALSE(session.live());
    CHECK(host.kinds() == Kinds{Kind::kHello});
    CHECK(host.lost == 1);
}

TEST_CASE_METHOD(Fixture, "a node is cut off once it was not live for the liveness time",
                 "[node_session]") {
    CHECK(session.is_cut_off(kStart)); // it never was
    make_live();
    CHECK_FALSE(session.is_cut_off(kStart + 2999ms));
    SECTION("the broker falls silent") {
        session.tick(kStart + 3s);
        CHECK(session.is_cut_off(kStart + 3s));
    }
    SECTION("the broker is restarted") {
        session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart + 1s);
        session.on_broker_frame(error(wire::ErrorCode::kHelloFirst), kStart + 2s);
        REQUIRE_FALSE(session.live());
        CHECK_FALSE(session.is_cut_off(kStart + 2s));
        // WELCOME alone is not enough: the feed has to be heard.
        session.on_broker_frame(welcome(0, kFeed + 1), kStart + 2s);
        CHECK_FALSE(session.is_cut_off(kStart + 3999ms)); // of its last sign of life
        CHECK(session.is_cut_off(kStart + 4s));
    }
    session.on_broker_frame(welcome(0, kFeed + 1), kStart + 4s);
    session.on_feed_frame(wire::encode_empty_batch(kFeed + 1, 0), kStart + 4s);
    CHECK_FALSE(session.is_cut_off(kStart + 4s));
}

TEST_CASE_METHOD(Fixture, "a node whose feed alone is silent is cut off, whatever the broker says",
                 "[node_session]") {
    const auto says_silent = [this](Time now) { // in the ledger of its next heartbeat
        session.tick(now);
        CHECK(host.kinds() == Kinds{Kind::kHeartbeat});
        return host.last_as<wire::Heartbeat>().ledger.feed_silent == 1;
    };
    make_live();
    session.on_broker_frame(wire::encode(wire::Heartbeat{}), kStart + 2s);
    CHECK_FALSE(says_silent(kStart + 2s));
    CHECK_FALSE(session.is_cut_off(kStart + 2999ms));
    session.tick(kStart + 3s);
    REQUIRE_FALSE(session.live());
    CHECK(session.is_cut_off(kStart + 3s));
    host.kinds();
    // The broker knows the node, and the node this feed: it is live again, and hears nothing.
    session.on_broker_frame(welcome(), kStart + 3s);
    REQUIRE(session.live());
    CHECK(session.is_cut_off(kStart + 3s));
    CHECK(says_silent(kStart + 4s));
    session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart + 4500ms);
    CHECK_FALSE(session.is_cut_off(kStart + 4500ms));
    CHECK_FALSE(says_silent(kStart + 5s));
}

TEST_CASE_METHOD(Fixture, "a node that is welcomed and hears no feed connects to it anew",
                 "[node_session]") {
    const auto answer = [this](Time now) { // the broker answers all but HELLO
        session.on_broker_frame(wire::encode(wire::Heartbeat{}), now);
        session.tick(now);
    };
    SECTION("the feed was never heard") {
        session.start(kStart);
        session.on_broker_frame(welcome(), kStart);
    }
    SECTION("the feed falls silent") {
        make_live();
    }
    REQUIRE(host.feeds.size() == 1);
    answer(kStart + 2999ms);
    CHECK(host.feeds.size() == 1);
    answer(kStart + 3s); // HELLO first: the broker may have forgotten the node
    session.on_broker_frame(welcome(), kStart + 3001ms);
    CHECK(host.feeds.size() == 1);
    CHECK(session.due() <= kStart + 4001ms);
    answer(kStart + 4s);
    CHECK(host.feeds.size() == 1);
    answer(kStart + 4001ms);
    REQUIRE(host.feeds.size() == 2);
    CHECK(host.feeds[0] == host.feeds[1]);
    CHECK(session.counters().feed_reconnects == 1);
    REQUIRE(host.silent_feed.size() == 1);
    CHECK(host.silent_feed[0] ==
          "nothing has come from the feed at tcp://192.0.2.1:5556 for 4001 ms, "
          "although the broker answers: can this host reach that port?");
    CHECK(host.welcomed > 0);
    answer(kStart + 5s);
    CHECK(host.feeds.size() == 2);
    session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart + 5s);
    CHECK(session.live());
    answer(kStart + 7999ms);
    CHECK(host.feeds.size() == 2);
}

TEST_CASE_METHOD(Fixture, "a feed that is heard again after WELCOME keeps its connection",
                 "[node_session]") {
    make_live();
    session.tick(kStart + 3s); // neither broker nor feed were heard
    session.on_broker_frame(welcome(), kStart + 8s);
    session.tick(kStart + 8s);
    session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), kStart + 8500ms);
    session.on_broker_frame(wire::encode(wire::Heartbeat{}), kStart + 9s);
    session.tick(kStart + 9s);
    CHECK(host.feeds.size() == 1);
    CHECK(session.counters().feed_reconnects == 0);
}

TEST_CASE_METHOD(Fixture, "a feed that the node is too busy to read is not silent",
                 "[node_session]") {
    make_live();
    session.on_broker_frame(wire::encode(wire::Heartbeat{0, 0, 0}), kStart + 4s);
    session.on_feed_waiting(kStart + 4s);
    session.tick(kStart + 5s);
    CHECK(session.live());
    session.on_broker_frame(wire::encode(wire::Heartbeat{0, 0, 0}), kStart + 7s);
    session.tick(kStart + 8s);
    CHECK_FALSE(session.live());
}

TEST_CASE_METHOD(Fixture, "a node is in touch with a broker that it hears on both ways",
                 "[node_session]") {
    const auto hear_broker = [this](Time now) {
        session.on_broker_frame(wire::encode(wire::Heartbeat{0, 0, 0}), now);
    };
    const auto hear_feed = [this](Time now) {
        session.on_feed_frame(wire::encode_empty_batch(kFeed, 0), now);
    };
    CHECK_FALSE(session.is_in_touch(kStart));
    make_live();
    CHECK(session.is_in_touch(kStart + 1999ms));
    CHECK_FALSE(session.is_in_touch(kStart + 2s));
    SECTION("the broker alone is not enough") {
        hear_broker(kStart + 1s);
        CHECK_FALSE(session.is_in_touch(kStart + 2s));
        hear_feed(kStart + 2s);
        CHECK(session.is_in_touch(kStart + 2999ms));
        CHECK_FALSE(session.is_in_touch(kStart + 3s));
    }
    SECTION("its feed alone is not") {
        hear_feed(kStart + 1s);
        CHECK_FALSE(session.is_in_touch(kStart + 2s));
        hear_broker(kStart + 2s);
        CHECK(session.is_in_touch(kStart + 2999ms));
    }
    SECTION("a feed that goes on without what is missing is not") {
        hear_broker(kStart + 1s);
        session.on_feed_frame(batch(2, "b"), kStart + 1s);
        session.on_feed_frame(wire::encode_empty_batch(kFeed, 2), kStart + 1500ms);
        CHECK_FALSE(session.is_in_touch(kStart + 2s));
        session.on_feed_frame(batch(1, "a"), kStart + 2s);
        CHECK(session.is_in_touch(kStart + 2s));
    }
    SECTION("a feed that the node is too busy to read is heard") {
        hear_broker(kStart + 1s);
        session.on_feed_waiting(kStart + 1s);
        CHECK(session.is_in_touch(kStart + 2s));
    }
    SECTION("a broker that reads our list answers later") {
        session.on_broker_frame(error(wire::ErrorCode::kListNeeded), kStart);
        session.tick(kStart);
        hear_feed(kStart + 1s);
        CHECK(session.is_in_touch(kStart + 2s));
    }
    SECTION("nobody is in touch with a broker that was lost") {
        session.on_broker_frame(error(wire::ErrorCode::kHelloFirst), kStart + 1s);
        hear_feed(kStart + 1s);
        CHECK_FALSE(session.is_in_touch(kStart + 1s));
    }
}

TEST_CASE_METHOD(Fixture, "heartbeats acknowledge, each interval and each 64 KiB",
                 "[node_session]") {
    make_live();
    session.on_feed_frame(batch(1, "x"), kStart);
    session.tick(kStart + 999ms);
    CHECK(host.kinds().empty());
    session.tick(kStart + 1s);
    CHECK(host.kinds() == Kinds{Kind::kHeartbeat});
    CHECK(host.last_as<wire::Heartbeat>().feed == 1);

    session.on_feed_frame(batch(2, std::string(65'536, 'x')), kStart + 1100ms);
    CHECK(session.due() <= kStart + 1100ms);
    session.tick(kStart + 1100ms);
    CHECK(host.kinds() == Kinds{Kind::kHeartbeat});
    CHECK(host.last_as<wire::Heartbeat>().feed == 2);
}

TEST_CASE_METHOD(Fixture, "a gap is counted and asked for", "[node_session]") {
    make_live();
    session.on_feed_frame(batch(3, "late"), kStart);
    CHECK(host.kinds() == Kinds{Kind::kResend});
    CHECK(host.last_as<wire::Resend>().through == 2);
    CHECK(host.delivered.empty());
    CHECK(session.counters().gaps == 1);
    session.on_feed_frame(wire::encode_shed_batch(kFeed, 1, 2, 5), kStart);
    CHECK(session.counters().messages_lost == 5);
    session.on_feed_frame(batch(3, "late"), kStart);
    CHECK(host.delivered == std::vector<std::string>{"late"});
}

TEST_CASE_METHOD(Fixture, "a broker that has not answered HELLO hears of the old feed by its name",
                 "[node_session]") {
    make_live();
    session.on_feed_frame(batch(1, "old"), kStart);
    session.on_connected(kStart + 1ms);
    CHECK(host.kinds() == Kinds{Kind::kHello});
    // It may be another broker by now, with another batch 1, and its WELCOME may be lost.
    session.on_feed_frame(batch(9, "late"), kStart + 1ms);
    CHECK(host.kinds() == Kinds{Kind::kResend});
    CHECK(host.last_as<wire::Resend>().feed_incarnation == kFeed);
    session.tick(kStart + 1s + 1ms);
    CHECK(host.kinds() == Kinds{Kind::kHello});

    session.on_broker_frame(welcome(0, kFeed + 1), kStart + 1100ms);
    session.on_feed_frame(batch(1, "new", kFeed + 1), kStart + 1100ms);
    CHECK(host.delivered == std::vector<std::string>{"old", "new"});
    session.tick(kStart + 2100ms);
    CHECK(host.kinds() == Kinds{Kind::kHeartbeat});
    CHECK(host.last_as<wire::Heartbeat>().feed == 1);
    CHECK(host.last_as<wire::Heartbeat>().feed_incarnation == kFeed + 1);
}

TEST_CASE_METHOD(Fixture, "an acknowledgement names the feed that it is about", "[node_session]") {
    make_live();
    session.on_connected(kStart + 1ms);
    host.kinds();
    session.on_feed_frame(batch(1, std::string(65'536, 'x')), kStart + 2ms);
    session.tick(kStart + 2ms);
    CHECK(host.kinds() == Kinds{Kind::kHeartbeat});
    // The broker that is to answer the HELLO may have another feed, and then ignores this.
    CHECK(host.last_as<wire::Heartbeat>().feed == 1);
    CHECK(host.last_as<wire::Heartbeat>().feed_incarnation == kFeed);
}

TEST_CASE_METHOD(Fixture, "a WELCOME that comes once more causes no list", "[node_session]") {
    session.start(kStart);
    session.on_connected(kStart); // says HELLO a second time
    host.ids = {"a"};
    session.on_broker_frame(welcome(0), kStart);
    session.login("a");
    session.tick(kStart);
    host.kinds();
    session.on_broker_frame(welcome(0), kStart + 1ms); // does not know of the LIST yet
    session.tick(kStart + 1ms);
    CHECK(host.kinds().empty());
}

TEST_CASE_METHOD(Fixture, "a refusal is reported, and HELLO waits longer", "[node_session]") {
    make_live();
    session.on_broker_frame(error(wire::ErrorCode::kReplaced), kStart);
    CHECK(host.refused == std::vector<wire::ErrorCode>{wire::ErrorCode::kReplaced});
    CHECK_FALSE(session.live());
    host.kinds();
    session.tick(kStart + 9s);
    CHECK(host.kinds().empty());
    session.tick(kStart + 10s);
    CHECK(host.kinds() == Kinds{Kind::kHello});
}

namespace {

std::string overloaded(wire::Kind kind) {
    return wire::encode(
        wire::ErrorFrame{wire::ErrorCode::kOverloaded, static_cast<std::uint8_t>(kind), "full"});
}

} // namespace

TEST_CASE_METHOD(Fixture, "a broker without room for our ids is reported, and stays",
                 "[node_session]") {
    const auto kind = GENERATE(wire::Kind::kLogin, wire::Kind::kList);
    make_live();
    host.ids = {"a"};
    session.login("a");
    session.confirm_logins(kStart);
    CHECK(host.kinds() == Kinds{Kind::kLogin, Kind::kHeartbeat, Kind::kPing});
    session.on_broker_frame(overloaded(kind), kStart);
    session.on_broker_frame(wire::encode(wire::Pong{host.last_as<wire::Ping>().token}), kStart);
    CHECK(host.refused == std::vector<wire::ErrorCode>{wire::ErrorCode::kOverloaded});
    CHECK(session.live());
    CHECK(session.logins_refused());
    CHECK_FALSE(session.logins_applied());
    session.tick(kStart + 999ms);
    CHECK(host.kinds().empty()); // neither HELLO nor the list
    SECTION("until the broker wants the list") {
        session.on_broker_frame(error(wire::ErrorCode::kListNeeded), kStart);
        session.tick(kStart);
        CHECK(host.kinds() == Kinds{Kind::kList, Kind::kHeartbeat, Kind::kPing});
    }
    SECTION("or the program asks again") {
        session.confirm_logins(kStart);
        const Kinds kinds = host.kinds();
        CHECK(kinds.front() == Kind::kList);
        CHECK(kinds.back() == Kind::kPing);
    }
    session.on_broker_frame(wire::encode(wire::Pong{host.last_as<wire::Ping>().token}), kStart);
    CHECK_FALSE(session.logins_refused());
    CHECK(session.logins_applied());
}

TEST_CASE_METHOD(Fixture, "a broker without room for us is left alone for a while",
                 "[node_session]") {
    session.start(kStart);
    host.kinds();
    session.on_broker_frame(overloaded(wire::Kind::kHello), kStart);
    CHECK(host.refused.size() == 1);
    session.tick(kStart + 9s);
    CHECK(host.kinds().empty());
    session.tick(kStart + 10s);
    CHECK(host.kinds() == Kinds{Kind::kHello});
}

TEST_CASE_METHOD(Fixture, "the question about logins follows them and a heartbeat",
                 "[node_session]") {
    make_live();
    session.login("a");
    CHECK_FALSE(session.logins_applied());
    session.confirm_logins(kStart);
    CHECK(host.kinds() == Kinds{Kind::kLogin, Kind::kHeartbeat, Kind::kPing});
    CHECK_FALSE(session.logins_applied());
    session.on_broker_frame(wire::encode(wire::Pong{host.last_as<wire::Ping>().token}), kStart);
    CHECK(session.logins_applied());
}

// Found by the simulation: the broker was another one, and its WELCOME was lost.
TEST_CASE_METHOD(Fixture, "an answer about a history counts once the HELLO is answered",
                 "[node_session]") {
    make_live();
    const auto kept = [this](std::uint64_t token) {
        wire::MessageFrameWriter none(wire::MessageFrameWriter::Form::kKept);
        session.on_broker_frame(none.finish_kept({.token = token}), kStart);
    };
    kept(1);
    session.on_connected(kStart);
    kept(2);
    session.on_broker_frame(welcome(), kStart);
    kept(3);
    CHECK(host.kept == std::vector<std::uint64_t>{1, 3});
}

TEST_CASE_METHOD(Fixture, "a PONG does not confirm logins that were lost with a connection",
                 "[node_session]") {
    make_live();
    host.ids = {"a"};
    session.login("a");
    session.confirm_logins(kStart); // the LOGIN is lost, the rest goes over a new connection
    host.kinds();
    const std::string pong = wire::encode(wire::Pong{host.last_as<wire::Ping>().token});
    session.on_broker_frame(error(wire::ErrorCode::kHelloFirst), kStart);
    session.on_broker_frame(pong, kStart);
    CHECK_FALSE(session.logins_applied());
    CHECK(host.kinds() == Kinds{Kind::kHello});

    session.on_broker_frame(welcome(0), kStart);
    CHECK_FALSE(session.logins_applied());
    session.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kList, Kind::kHeartbeat, Kind::kPing});
    CHECK_FALSE(session.logins_applied());
    session.on_broker_frame(wire::encode(wire::Pong{host.last_as<wire::Ping>().token}), kStart);
    CHECK(session.logins_applied());
}

TEST_CASE_METHOD(Fixture,
                 "logins are confirmed even if the question came while the broker was away",
                 "[node_session]") {
    make_live();
    session.on_broker_frame(error(wire::ErrorCode::kHelloFirst), kStart);
    host.kinds();
    session.login("a");
    session.confirm_logins(kStart);
    session.on_broker_frame(welcome(0), kStart);
    session.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kList, Kind::kHeartbeat, Kind::kPing});
    CHECK_FALSE(session.logins_applied());
    session.on_broker_frame(wire::encode(wire::Pong{host.last_as<wire::Ping>().token}), kStart);
    CHECK(session.logins_applied());
}

TEST_CASE_METHOD(Fixture, "garbage from the broker is counted and ignored", "[node_session]") {
    make_live();
    session.on_broker_frame("garbage", kStart);
    session.on_feed_frame("garbage", kStart);
    session.on_broker_frame(wire::encode(wire::Credit{1}), kStart);
    CHECK(session.counters().bad_frames == 3);
    CHECK(session.live());
}

TEST_CASE_METHOD(Fixture, "goodbye sends what waits, and ends the session", "[node_session]") {
    make_live();
    session.login("a");
    session.goodbye(kStart);
    CHECK(host.kinds() == Kinds{Kind::kLogin, Kind::kHeartbeat, Kind::kGoodbye});
    CHECK(session.due() == kNever);
    session.on_broker_frame(welcome(), kStart);
    session.tick(kStart + 10s);
    CHECK(host.kinds().empty());
}

TEST_CASE_METHOD(Fixture, "nothing is sent after goodbye, even with unanswered frames",
                 "[node_session]") {
    make_live();
    session.on_connected(kStart); // a HELLO that is not answered any more
    session.goodbye(kStart);
    CHECK(host.kinds() == Kinds{Kind::kHello, Kind::kHeartbeat, Kind::kGoodbye});
    session.tick(kStart + 10s);
    session.on_connected(kStart + 10s);
    session.confirm_logins(kStart + 10s);
    session.on_feed_frame(batch(1, "late"), kStart + 10s);
    CHECK(host.kinds().empty());
    CHECK(host.delivered.empty());
}

namespace {

std::string resent_batch(std::uint64_t number, const std::vector<std::uint64_t>& sent_numbers) {
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
    for (const std::uint64_t sent : sent_numbers) {
        const std::string text = "message " + std::to_string(sent);
        writer.add({"1", text, {99, sent}});
    }
    return writer.finish_batch(kFeed, number);
}

} // namespace

TEST_CASE_METHOD(Fixture, "a message that is sent again is shown once", "[node_session]") {
    make_live();
    session.on_feed_frame(resent_batch(1, {1, 3}), kStart);
    session.on_feed_frame(resent_batch(2, {1, 2, 3}), kStart); // 2 had gone elsewhere
    CHECK(host.delivered == std::vector<std::string>{"message 1", "message 3", "message 2"});
    session.on_feed_frame(resent_batch(3, {3}), kStart);
    CHECK(host.delivered.size() == 3);
    CHECK(session.counters().duplicates == 3);
    static_cast<void>(host.kinds());
    session.tick(kStart + 1s);
    static_cast<void>(host.kinds());
    const auto heartbeat = host.last_as<wire::Heartbeat>();
    CHECK(heartbeat.feed == 3);
    CHECK(heartbeat.ledger.received == 6);
    CHECK(heartbeat.ledger.duplicates == 3);
}

TEST_CASE_METHOD(Fixture, "a message that is sent again by way of another broker is shown once",
                 "[node_session]") {
    Node with_two{host, 9, "n", cluster::Placement({{"one"}, {"other"}}, 2)};
    NodeSession one{with_two, 0, host, host, "192.0.2.1"};
    NodeSession other{with_two, 1, host, host, "192.0.2.2"};
    for (NodeSession* session_of_broker : {&one, &other}) {
        session_of_broker->start(kStart);
        session_of_broker->on_broker_frame(welcome(), kStart);
    }
    one.on_feed_frame(resent_batch(1, {1}), kStart);
    other.on_feed_frame(resent_batch(1, {1, 2}), kStart);
    CHECK(host.delivered == std::vector<std::string>{"message 1", "message 2"});
    CHECK(other.counters().duplicates == 1);
}

TEST_CASE_METHOD(Fixture, "senders that wait for an acknowledgement get it soon",
                 "[node_session]") {
    make_live();
    session.tick(kStart);
    static_cast<void>(host.kinds());
    session.on_feed_frame(batch(1, "nobody waits"), kStart);
    CHECK(session.due() > kStart + 500ms);
    session.on_feed_frame(resent_batch(2, {1}), kStart);
    CHECK(session.due() <= kStart);
    session.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kHeartbeat});
    session.on_feed_frame(resent_batch(3, {2}), kStart + 1ms);
    CHECK(session.due() == kStart + feed::kAcknowledgeGatherWindow);
}

TEST_CASE_METHOD(Fixture, "the ledger in heartbeats covers the present feed", "[node_session]") {
    make_live();
    host.told_ledger = {.unclaimed = 1,
                        .shown = 4,
                        .chunks_given = 10,
                        .chunks_written = 7,
                        .chunks_dropped = 1,
                        .chunks_waiting = 2};
    session.on_feed_frame(batch(1, "before"), kStart);
    session.on_broker_frame(welcome(0, kFeed + 1), kStart + 1s);
    host.told_ledger.shown += 1;
    host.told_ledger.chunks_given += 1;
    host.told_ledger.chunks_written += 3;
    host.told_ledger.chunks_waiting = 0;
    session.on_feed_frame(batch(1, "after", kFeed + 1), kStart + 1s);
    static_cast<void>(host.kinds());
    session.tick(kStart + 2s);
    static_cast<void>(host.kinds());
    const wire::NodeLedger ledger = host.last_as<wire::Heartbeat>().ledger;
    CHECK(ledger.received == 1);
    CHECK(ledger.shown == 1);
    // The two chunks that waited when the feed began count as given again, so that the sums agree.
    CHECK(ledger.chunks_given == 3);
    CHECK(ledger.chunks_written == 3);
    CHECK(ledger.chunks_dropped == 0);
    CHECK(ledger.chunks_waiting == 0);
}

TEST_CASE_METHOD(Fixture, "messages of an earlier feed that wait are not the present feed's",
                 "[node_session]") {
    const auto told = [&](Time now) {
        session.on_broker_frame(wire::encode(wire::Heartbeat{}), now);
        session.on_feed_frame(wire::encode_empty_batch(kFeed + 1, 1), now);
        session.tick(now);
        host.kinds();
        return host.last_as<wire::Heartbeat>().ledger;
    };
    host.told_ledger.shown = 1000; // by an earlier process with the same record
    make_live();
    session.on_feed_frame(batch(1, "a"), kStart);
    session.on_feed_frame(batch(2, "b"), kStart);
    session.on_feed_frame(batch(3, "c"), kStart);
    host.told_ledger.shown = 1001; // the others wait behind it
    session.on_broker_frame(welcome(0, kFeed + 1), kStart + 1ms);
    session.on_feed_frame(batch(1, "d", kFeed + 1), kStart + 1ms);
    const wire::NodeLedger begun = told(kStart + 2s);
    CHECK(begun.received == 1);
    CHECK(begun.shown == 0);
    host.told_ledger.shown = 1002;
    host.told_ledger.unclaimed = 1;
    const wire::NodeLedger carried = told(kStart + 3s);
    CHECK(carried.shown == 0);
    CHECK(carried.unclaimed == 0);
    host.told_ledger.shown = 1003;
    const wire::NodeLedger all = told(kStart + 4s);
    CHECK(all.shown + all.unclaimed == 1);
}

TEST_CASE_METHOD(Fixture, "a node that comes back to another feed says that it was cut off",
                 "[node_session]") {
    host.ids = {"1", "2"};
    make_live();
    CHECK(host.gaps.empty()); // the first feed
    session.on_feed_frame(batch(1, "a"), kStart + 500ms);
    session.tick(kStart + 3500ms);
    session.on_broker_frame(welcome(), kStart + 3600ms); // the same feed: nothing is lost
    CHECK(host.gaps.empty());
    session.on_broker_frame(welcome(0, kFeed + 1), kStart + 10'500ms);
    REQUIRE(host.gaps.size() == 1);
    CHECK(host.gaps[0].reason == Gap::Reason::kCutOff);
    CHECK(host.gaps[0].without_feed == 10s);
    CHECK(session.counters().cut_offs == 1);
    CHECK(session.counters().streams_cut_off == 2);
    CHECK(session.counters().cut_off_ms == 10'000);
    session.tick(kStart + 11'500ms);
    host.kinds();
    const auto heartbeat = host.last_as<wire::Heartbeat>();
    CHECK(heartbeat.feed == 0); // nothing of the new feed has come
    CHECK(heartbeat.ledger.streams_cut_off == 2);
    CHECK(heartbeat.ledger.cut_off_ms == 10'000);
}

TEST_CASE_METHOD(Fixture, "messages that the broker shed are a gap", "[node_session]") {
    make_live();
    session.on_feed_frame(wire::encode_shed_batch(kFeed, 1, 3, 30), kStart);
    REQUIRE(host.gaps.size() == 1);
    CHECK(host.gaps[0].reason == Gap::Reason::kShed);
    CHECK(host.gaps[0].messages == 30);
    CHECK(session.counters().cut_offs == 0);
}

TEST_CASE_METHOD(Fixture, "a heartbeat carries the digest of what the broker was told",
                 "[node_session]") {
    make_live();
    session.tick(kStart);
    session.login("a");
    session.login("b");
    session.logout("a");
    static_cast<void>(host.kinds());
    session.tick(kStart + 1s);
    const auto kinds = host.kinds();
    CHECK(kinds.back() == Kind::kHeartbeat);
    const auto heartbeat = host.last_as<wire::Heartbeat>();
    CHECK(heartbeat.change == 2);
    CHECK(heartbeat.digest == wire::id_digest("b"));
}

TEST_CASE_METHOD(Fixture, "a message may have any number, up to the largest", "[node_session]") {
    make_live();
    session.on_feed_frame(resent_batch(1, {1, UINT64_MAX}), kStart);
    session.on_feed_frame(resent_batch(2, {UINT64_MAX, UINT64_MAX - 1}), kStart);
    CHECK(host.delivered == std::vector<std::string>{"message 1", "message 18446744073709551615",
                                                     "message 18446744073709551614"});
    CHECK(session.counters().duplicates == 1);
}

} // namespace node_session_test
