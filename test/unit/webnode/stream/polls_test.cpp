// Long polls: what they are answered, when, and what becomes of their connections.
#include "test/unit/webnode/stream/resume_fixture.hpp"
#include "webnode/route/poll.hpp"

#include <string>

namespace polls_test {

using namespace zcomet;
using namespace zcomet::webnode;
using zcomet::webnode::request::Browser;
using zcomet::webnode::stream::ResumeFixture;

namespace {

struct Fixture : ResumeFixture {
    Browser poll(const std::string& target, const std::string& headers = "") {
        Browser browser =
            loop.connect("GET " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n");
        resumes.turn(loop.now);
        return browser;
    }
    void pass(Duration duration) {
        loop.pass(duration);
        resumes.turn(loop.now);
        loop.requests.answer_polls(loop.now);
    }
    /// What the browser got, once the turn is over.
    std::string answer_to(const Browser& browser) {
        loop.requests.answer_polls(loop.now);
        return browser.received();
    }
    std::uint64_t count(slot::WorkerCounter counter) const { return loop.count(counter); }
};

std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE_METHOD(Fixture, "a poll is answered with the messages of a turn", "[polls]") {
    const Browser browser = poll("/poll/a");
    CHECK(answer_to(browser).empty());
    CHECK(loop.logins == std::vector<std::string>{"a"});
    CHECK(loop.presence.streams().stream_count() == 1);
    deliver("one", 0, "a");
    deliver("two", 0, "a");
    const std::string answer = answer_to(browser);
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(has(answer, "\r\nContent-Type: application/json\r\n"));
    CHECK(has(answer, "\r\nCache-Control: no-store\r\n"));
    CHECK_FALSE(has(answer, "Zcomet-Cursor"));
    CHECK(body_of(answer) == R"({"messages":[{"id":"a","data":"one"},{"id":"a","data":"two"}]})"
                             "\n");
    CHECK(loop.logouts == std::vector<std::string>{"a"});
    CHECK(loop.presence.streams().stream_count() == 0);
    CHECK(loop.polls.size() == 0);
    CHECK(count(slot::WorkerCounter::kChunksGiven) == 2);
    CHECK(count(slot::WorkerCounter::kChunksWritten) == 2);
    CHECK(count(slot::WorkerCounter::kResponses2xx) == 1);
}

TEST_CASE_METHOD(Fixture, "a connection has one poll after the other", "[polls]") {
    const Browser browser = poll("/poll/a");
    for (const char* const text : {"one", "two", "three"}) {
        deliver(text, 0, "a");
        CHECK(has(answer_to(browser), text));
        CHECK_FALSE(browser.ended());
        browser.send("GET /poll/a HTTP/1.1\r\nHost: h\r\n\r\n");
        loop.turn();
    }
    CHECK(loop.presence.streams().stream_count() == 1);
}

TEST_CASE_METHOD(Fixture, "without a message a poll ends after its time", "[polls]") {
    const auto [query, seconds] =
        GENERATE(values<std::pair<const char*, int>>({{"", 25}, {"?wait=7", 7}, {"?wait=60", 60}}));
    const Browser browser = poll(std::string("/poll/a") + query);
    pass(std::chrono::seconds(seconds) - 1ms);
    CHECK(browser.received().empty());
    pass(1ms);
    const std::string answer = browser.received();
    CHECK(answer.starts_with("HTTP/1.1 204 No Content\r\n"));
    CHECK_FALSE(has(answer, "Content-Length"));
    CHECK(body_of(answer).empty());
    CHECK_FALSE(browser.ended());
    CHECK(loop.polls.due() == kNever);
    pass(request::Requests::kIdleMax);
    CHECK(browser.ended());
}

TEST_CASE_METHOD(Fixture, "a poll that goes on is answered from the history", "[polls]") {
    const Browser browser = poll("/poll/chat.1?since=10-5");
    deliver("live", 8);
    CHECK(answer_to(browser).empty());
    answer(wire::Reach::kWhole, 6, {"one", "two"});
    const std::string whole = answer_to(browser);
    CHECK(has(whole, "\r\nZcomet-Cursor: 10-8\r\n"));
    CHECK(body_of(whole) == R"({"messages":[{"id":"chat.1","data":"one","cursor":"10-6"},)"
                            R"({"id":"chat.1","data":"two","cursor":"10-7"},)"
                            R"({"id":"chat.1","data":"live","cursor":"10-8"}],"cursor":"10-8"})"
                            "\n");
    CHECK(resumes.size() == 0);
}

TEST_CASE_METHOD(Fixture, "a poll that has missed nothing waits, and keeps its cursor", "[polls]") {
    const Browser browser = poll("/poll/chat.1?since=10-5");
    answer(wire::Reach::kWhole, 6, {});
    CHECK(answer_to(browser).empty());
    SECTION("until a message comes") {
        deliver("live", 8);
        CHECK(has(answer_to(browser), R"("cursor":"10-8"})"
                                      "\n"));
    }
    SECTION("for its time") {
        pass(route::kPollWait);
        CHECK(has(browser.received(), "\r\nZcomet-Cursor: 10-5\r\n"));
    }
}

TEST_CASE_METHOD(Fixture, "a poll without a cursor gets one", "[polls]") {
    const Browser browser = poll("/poll/chat.1?wait=1");
    answer(wire::Reach::kNoCursor, 7, {});
    CHECK(answer_to(browser).empty());
    pass(1s);
    const std::string answer = browser.received();
    CHECK(answer.starts_with("HTTP/1.1 204"));
    CHECK(has(answer, "\r\nZcomet-Cursor: 10-6\r\n"));
}

TEST_CASE_METHOD(Fixture, "a poll of no time has what was missed", "[polls]") {
    const Browser browser = poll("/poll/chat.1?since=10-5&wait=0");
    pass(100ms);
    CHECK(browser.received().empty());
    SECTION("the history has nothing") {
        answer(wire::Reach::kWhole, 6, {});
        CHECK(answer_to(browser).starts_with("HTTP/1.1 204"));
    }
    SECTION("the history has something") {
        answer(wire::Reach::kWhole, 6, {"one"});
        CHECK(has(answer_to(browser), "one"));
    }
    SECTION("nobody answers") {
        pass(stream::Polls::kAskingMax);
        CHECK(answer_to(browser).starts_with("HTTP/1.1 204"));
    }
    CHECK(loop.polls.size() == 0);
    CHECK(resumes.size() == 0);
}

TEST_CASE_METHOD(Fixture, "a gap is an answer", "[polls]") {
    const Browser browser = poll("/poll/chat.1?since=9-5");
    answer(wire::Reach::kOtherEpoch, 7, {"left"});
    CHECK(has(body_of(answer_to(browser)),
              R"({"messages":[{"gap":{"ids":["chat.1"],"reason":"epoch"},"cursor":"10-1"},)"));
    CHECK(count(slot::WorkerCounter::kGapsTold) == 1);
}

TEST_CASE_METHOD(Fixture, "polls of a node that was cut off catch up", "[polls]") {
    const Browser browser = poll("/poll/chat.1?since=10-5");
    answer(wire::Reach::kWhole, 6, {});
    deliver("of another", 7, "chat.2");
    begin_feed(loop.delivery.cursor());
    resumes.on_live();
    resumes.turn(loop.now);
    REQUIRE(source.asked.size() == 1);
    CHECK(source.asked[0].after == 7);
    answer(wire::Reach::kWhole, 8, {"missed"});
    CHECK(has(answer_to(browser), "missed"));
}

TEST_CASE_METHOD(Fixture, "a browser that leaves ends its poll", "[polls]") {
    {
        const Browser browser = poll("/poll/chat.1?since=10-5");
        answer(wire::Reach::kWhole, 6, {"one"});
    }
    loop.turn();
    CHECK(loop.polls.size() == 0);
    CHECK(count(slot::WorkerCounter::kChunksDropped) == 1);
    loop.requests.answer_polls(loop.now);
    pass(route::kPollWaitMax);
    CHECK(loop.polls.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "the next request before the answer ends a poll and its connection",
                 "[polls]") {
    const std::string next = "GET /poll/b HTTP/1.1\r\nHost: h\r\n\r\n";
    SECTION("it comes later") {
        const Browser browser = poll("/poll/a");
        browser.send(next);
        loop.turn();
        const std::string answer = browser.received();
        CHECK(answer.starts_with("HTTP/1.1 204"));
        CHECK(has(answer, "\r\nConnection: close\r\n"));
        CHECK(browser.ended());
    }
    SECTION("it comes at once") {
        const Browser browser = poll("/poll/a", "\r\n" + next);
        deliver("one", 0, "a");
        const std::string answer = answer_to(browser);
        CHECK(has(answer, "one"));
        CHECK(has(answer, "\r\nConnection: close\r\n"));
        CHECK(browser.ended());
    }
    CHECK(loop.polls.size() == 0);
}

TEST_CASE_METHOD(Fixture, "a worker that ends answers its polls", "[polls]") {
    const Browser browser = poll("/poll/a");
    loop.requests.end_all();
    const std::string answer = browser.received();
    CHECK(answer.starts_with("HTTP/1.1 204"));
    CHECK(has(answer, "\r\nConnection: close\r\n"));
    CHECK(browser.ended());
}

TEST_CASE_METHOD(Fixture, "HEAD has no poll, and a mistake gets 400", "[polls]") {
    const Browser head = loop.connect("HEAD /poll/a HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(head.received().starts_with("HTTP/1.1 204"));
    for (const char* const target : {"/poll/a%20b", "/poll/", "/poll", "/poll/a?wait=61",
                                     "/poll/a?wait=x", "/poll/a?wait=-1", "/poll?id=a&id=%20"}) {
        CAPTURE(target);
        CHECK(poll(target).received().starts_with("HTTP/1.1 400"));
    }
    CHECK(loop.polls.size() == 0);
}

} // namespace polls_test
