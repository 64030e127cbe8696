// Goal: each request about an id gets one answer: what the broker says, or why it says nothing.
#include "test/unit/webnode/ask/ask_fixture.hpp"
#include "webnode/ask/who.hpp"
#include "webnode/route/who.hpp"

namespace zcomet::webnode::ask::who_test {
namespace {

const Time kStart = Time{} + 1h;

struct Asker {
    FakeBroker broker;
    Who who;
};
struct Fixture : Asker, AskFixture {
    Fixture() : AskFixture(route::who_route(who), who.answers()) { who.use(broker); }

    void tell(std::size_t question, const std::string& json) {
        who.on_answer({broker.who.at(question).token, json});
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "what the broker says of an id is the answer", "[who]") {
    REQUIRE_FALSE(get("/who/a"));
    REQUIRE_FALSE(get("/who/b%40c"));
    REQUIRE(broker.who.size() == 2);
    CHECK(broker.who[0].what == "streams");
    CHECK(broker.who[0].argument == "a");
    CHECK(broker.who[1].argument == "b@c");
    tell(1, "{\"id\":\"b@c\"}");
    CHECK(status_of(1) == 0);
    CHECK(status_of(2) == 200);
    CHECK(replies[2].text == "{\"id\":\"b@c\"}\n");
    CHECK(replies[2].type == "application/json");
    tell(0, "{}");
    CHECK(status_of(1) == 200);
    tell(0, "{}"); // once is enough
    collect();
    CHECK(who.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "an invalid id is not asked for", "[who]") {
    const auto answer = get("/who/a%20b");
    REQUIRE(answer);
    CHECK(answer->status == 400);
    CHECK(broker.who.empty());
}

TEST_CASE_METHOD(Fixture, "without a broker 503, and when it is lost", "[who]") {
    broker.is_welcomed = false;
    const auto answer = get("/who/a");
    REQUIRE(answer);
    CHECK(answer->status == 503);
    CHECK(answer->bytes.find("\r\nRetry-After: 1\r\n") != std::string::npos);
    broker.is_welcomed = true;
    REQUIRE_FALSE(get("/who/a"));
    REQUIRE_FALSE(get("/who/b"));
    who.on_lost();
    CHECK(status_of(2) == 503);
    CHECK(status_of(3) == 503);
}

TEST_CASE_METHOD(Fixture, "a question that the broker refuses is answered by 503", "[who]") {
    REQUIRE_FALSE(get("/who/a"));
    REQUIRE_FALSE(get("/who/b"));
    who.on_refused();
    CHECK(status_of(1) == 0);
    CHECK(status_of(2) == 503);
    who.on_refused();
    CHECK(status_of(1) == 503);
    who.on_refused();
    collect();
}

TEST_CASE_METHOD(Fixture, "a broker that says nothing: 504", "[who]") {
    REQUIRE_FALSE(get("/who/a"));
    CHECK(who.due() <= kStart);
    who.turn(kStart);
    CHECK(who.due() == kStart + Who::kAnswerMax);
    REQUIRE_FALSE(get("/who/b"));
    who.turn(kStart + 1s);
    who.turn(kStart + Who::kAnswerMax);
    CHECK(status_of(1) == 504);
    CHECK(status_of(2) == 0);
    who.turn(kStart + 1s + Who::kAnswerMax);
    CHECK(status_of(2) == 504);
    tell(0, "{}"); // too late
    collect();
    CHECK(who.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "so many questions wait at a time", "[who]") {
    for (std::size_t i = 0; i < Who::kUnansweredMax; ++i) {
        REQUIRE_FALSE(get("/who/a"));
    }
    const auto answer = get("/who/a");
    REQUIRE(answer);
    CHECK(answer->status == 429);
    CHECK(answer->bytes.find("\r\nRetry-After: 1\r\n") != std::string::npos);
    tell(0, "{}");
    REQUIRE_FALSE(get("/who/a"));
}

} // namespace zcomet::webnode::ask::who_test
