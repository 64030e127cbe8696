// How streams of the formats go on: which cursors are taken, what is asked, what is written.
#include "test/unit/webnode/stream/resume_fixture.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace resumes_test {

using namespace zcomet;
using namespace zcomet::webnode;
using zcomet::webnode::request::Browser;
using zcomet::webnode::stream::ResumeFixture;

namespace {

using stream::kEpoch;
using stream::Resumes;

struct Fixture : ResumeFixture {
    /// A few more streams than begin to catch up in a turn.
    static constexpr std::uint32_t kMany = Resumes::kBeginsPerTurn + 10;
    /// They have a message.
    std::vector<Browser> open_many() {
        std::vector<Browser> streams;
        streams.reserve(kMany);
        while (streams.size() < kMany) {
            streams.push_back(open("/lines/chat.1"));
        }
        deliver("before", 5);
        loop.finish_deliveries();
        return streams;
    }
    /// Then the feed is another.
    std::vector<Browser> cut_off_many() {
        std::vector<Browser> streams = open_many();
        begin_feed(loop.delivery.cursor());
        return streams;
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

TEST_CASE_METHOD(Fixture, "a stream of several ids goes on with all of them", "[resumes]") {
    const Browser browser = open("/events?id=chat.1&id=other&id=chat.2&since=10-5");
    REQUIRE(source.asked.size() == 1);
    CHECK(source.asked[0].after == 5);
    deliver("of another", 0, "other");
    deliver("in both", 6);
    answer(wire::Reach::kWhole, 6, {"in both"});
    deliver("last", 7, "chat.2");
    const std::string received = browser.received();
    CHECK(received.find("id: 10-6\ndata: in both\n") != std::string::npos);
    CHECK(received.find("in both") == received.rfind("in both"));
    CHECK(received.find("data: of another\n") != std::string::npos);
    CHECK(received.find("id: 10-7\ndata: last\n") != std::string::npos);
    CHECK(resumes.size() == 0);
}

TEST_CASE_METHOD(Fixture, "a gap names those of the ids that have a history", "[resumes]") {
    const Browser browser = open("/lines?id=chat.1&id=other&id=chat.2&since=10-5");
    answer(wire::Reach::kEvicted, 9, {"left"});
    CHECK(browser.received().find(
              R"({"gap":{"ids":["chat.1","chat.2"],"reason":"evicted"},"cursor":"10-1"})") !=
          std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a message in the history and in the queue of a crowd comes once",
                 "[resumes]") {
    std::vector<Browser> crowd;
    crowd.reserve(300);
    for (int i = 0; i < 300; ++i) {
        crowd.push_back(open("/lines/chat.1"));
    }
    deliver("first", 6);
    deliver("second", 7);
    CHECK(loop.delivery.unfinished());
    const Browser late = open("/lines/chat.1?since=10-5");
    answer(wire::Reach::kWhole, 6, {"first", "second"});
    loop.finish_deliveries();
    resumes.turn(loop.now);
    CHECK(resumes.size() == 0);
    deliver("third", 8);
    loop.finish_deliveries();
    const std::string received = late.received();
    for (const char* const text : {"first", "second", "third"}) {
        CAPTURE(text);
        CHECK(received.find(text) != std::string::npos);
        CHECK(received.find(text) == received.rfind(text));
    }
}

TEST_CASE_METHOD(Fixture, "very many streams begin to catch up in some turns", "[resumes]") {
    const std::vector<Browser> streams = cut_off_many();
    resumes.on_live();
    CHECK(resumes.is_beginning());
    CHECK(resumes.due() <= loop.now);
    resumes.turn(loop.now);
    CHECK(resumes.size() == Resumes::kBeginsPerTurn);
    CHECK(resumes.is_beginning());
    // It opens now, and has missed nothing.
    const Browser late = open("/lines/chat.1");
    CHECK_FALSE(resumes.is_beginning());
    CHECK(resumes.size() == kMany);
    CHECK(loop.count(slot::WorkerCounter::kCatchUps) == kMany);
}

TEST_CASE_METHOD(Fixture, "very many streams begin to catch up when the feed has shed messages",
                 "[resumes]") {
    const std::vector<Browser> streams = open_many();
    resumes.on_shed(loop.delivery.cursor());
    CHECK(resumes.is_beginning()); // until then the worker takes no batch
    CHECK(resumes.size() == 0);
    resumes.turn(loop.now);
    CHECK(resumes.size() == Resumes::kBeginsPerTurn);
    resumes.turn(loop.now);
    CHECK(resumes.size() == kMany);
    CHECK_FALSE(resumes.is_beginning());
}

TEST_CASE_METHOD(Fixture, "another cut comes while streams begin to catch up", "[resumes]") {
    const std::vector<Browser> streams = cut_off_many();
    resumes.turn(loop.now);
    source.asked.clear();
    loop.delivery.on_feed_begun({kEpoch, 9, "chat.*"}); // it stood further on, by its WELCOME
    begin_feed(loop.delivery.cursor());
    CHECK(resumes.size() == kMany);
    resumes.on_live();
    resumes.turn(loop.now);
    CHECK(source.asked.empty()); // some have still to begin anew
    resumes.turn(loop.now);
    REQUIRE(source.asked.size() == 1); // all are where the first cut left them
    CHECK(source.asked[0].after == 5);
}

} // namespace resumes_test
