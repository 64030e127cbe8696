// How streams of the formats go on: which cursors are taken, what is asked, what is written.
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "topology/wire/attributes.hpp"
#include "webnode/stream/resumes.hpp"

#include <string>
#include <vector>

using namespace zcomet;
using namespace zcomet::webnode;
using zcomet::webnode::request::Browser;
using zcomet::webnode::request::LoopFixture;

namespace {

constexpr std::uint64_t kEpoch = 36;

struct Source : session::HistorySource {
    void ask(const wire::History& history) override { asked.push_back(history); }
    [[nodiscard]] bool was_shown(const wire::Origin& /*origin*/) const override { return false; }

    std::vector<wire::History> asked;
};

struct Fixture {
    LoopFixture loop;
    Source source;
    stream::Resumes resumes{loop.connections, loop.presence.streams(), source, loop.counters};

    Fixture() {
        loop.presence.tell_beginnings_to(resumes);
        loop.delivery.hold_for(resumes);
        begin_feed({});
        resumes.on_live();
    }
    void begin_feed(const history::Cursor& cursor) {
        const wire::HistoryTerms terms{kEpoch, 0, "chat.*"};
        resumes.on_feed_begun(terms, cursor);
        loop.delivery.on_feed_begun(terms);
    }
    /// @return the stream, whose head and greeting are read.
    Browser open(const std::string& path, const std::string& headers = "") {
        Browser browser =
            loop.connect("GET " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n");
        const std::string head = browser.received();
        REQUIRE(head.starts_with("HTTP/1.1 200 OK\r\n"));
        resumes.turn(loop.now);
        return browser;
    }
    /// Answers the only question with these messages, of positions from `first` on.
    void answer(wire::Reach reach, std::uint64_t first, const std::vector<std::string>& texts) {
        REQUIRE(source.asked.size() == 1);
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kKept);
        wire::Kept kept{.token = source.asked[0].token,
                        .reach = reach,
                        .epoch = kEpoch,
                        .since = 1,
                        .through = first + texts.size() - 1};
        for (const std::string& text : texts) {
            const std::string attributes = wire::encode(wire::Attributes{.position = first++});
            writer.add({"chat.1", text, {}, attributes});
        }
        source.asked.clear();
        const std::string frame = writer.finish_kept(kept);
        const auto decoded = wire::decode(frame);
        resumes.on_kept(std::get<wire::Kept>(std::get<wire::Frame>(decoded)), loop.now);
        resumes.turn(loop.now);
    }
    void deliver(const std::string& text, std::uint64_t position) {
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
        const std::string attributes = wire::encode(wire::Attributes{.position = position});
        writer.add({"chat.1", text, {}, attributes});
        const std::string frame = writer.finish_batch(1, 1);
        const auto decoded = wire::decode(frame);
        loop.delivery.deliver(std::get<wire::Batch>(std::get<wire::Frame>(decoded)).messages);
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a browser goes on by header or query, in every format", "[resumes]") {
    const auto [path, headers] = GENERATE(values<std::pair<std::string, std::string>>({
        {"/events/chat.1", "Last-Event-ID: 10-5\r\n"},
        {"/events/chat.1?since=10-5", ""},
        {"/events/chat.1?last_event_id=10-5", ""},
        {"/events/chat.1?x=1&lastEventId=10-5", ""},
        {"/events/chat.1?lastEventID=10-5&y", ""},
        {"/events/chat.1?Last-Event-ID=10%2D5", ""},
        {"/events/chat.1?since=nonsense", "Last-Event-ID: 10-5\r\n"},
        {"/lines/chat.1?since=10-5", ""},
        {"/test/chat.1?since=10-5", ""},
    }));
    INFO(path);
    const Browser browser = open(path, headers);
    REQUIRE(source.asked.size() == 1);
    CHECK(source.asked[0].epoch == kEpoch);
    CHECK(source.asked[0].after == 5);
    deliver("live", 8);
    answer(wire::Reach::kWhole, 6, {"one", "two"});
    const std::string received = browser.received();
    const std::size_t one = received.find("one");
    CHECK(one != std::string::npos);
    CHECK(received.find("two") > one);
    CHECK(received.find("live") > received.find("two"));
    CHECK(loop.count(slot::WorkerCounter::kResumes) == 1);
    deliver("next", 9);
    CHECK(browser.received().find("next") != std::string::npos);
    CHECK(resumes.size() == 0);
}

TEST_CASE_METHOD(Fixture, "a stream that needs no history asks for none", "[resumes]") {
    const Browser other = open("/events/other");
    const Browser page = open("/test/chat.1");
    const Browser lines = open("/lines/chat.1");
    CHECK(source.asked.empty());
    CHECK(resumes.size() == 0);
}

TEST_CASE_METHOD(Fixture, "an event stream is told where it stands", "[resumes]") {
    const Browser browser = open("/events/chat.1");
    answer(wire::Reach::kNoCursor, 7, {});
    CHECK(browser.received().find("event: position\nid: 10-6\n") != std::string::npos);
    deliver("live", 7);
    CHECK(browser.received().find("id: 10-7\ndata: live\n\n") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a stream that closes while it catches up is forgotten", "[resumes]") {
    { const Browser browser = open("/lines/chat.1?since=10-5"); }
    loop.turn();
    CHECK(resumes.size() == 0);
    answer(wire::Reach::kWhole, 6, {"one"});
}

TEST_CASE_METHOD(Fixture, "streams of a node that was cut off catch up", "[resumes]") {
    const Browser browser = open("/test/chat.1");
    const Browser other = open("/test/other");
    deliver("before", 5);
    CHECK(loop.delivery.cursor() == history::Cursor{kEpoch, 5});
    begin_feed(loop.delivery.cursor());
    resumes.on_live();
    resumes.turn(loop.now);
    REQUIRE(source.asked.size() == 1);
    CHECK(source.asked[0].after == 5);
    answer(wire::Reach::kWhole, 6, {"missed"});
    const std::string received = browser.received();
    CHECK(received.find("msg #2: 'missed'") != std::string::npos);
    CHECK(received.find("<em>") == std::string::npos);
    CHECK(other.received().empty());
    CHECK(loop.count(slot::WorkerCounter::kCatchUps) == 1);
}
