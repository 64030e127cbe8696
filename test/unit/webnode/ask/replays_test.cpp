// Goal: what is kept of an id comes in one answer, however many parts the broker gives it in, and
// says truly whether anything is missing.
#include "test/unit/webnode/ask/ask_fixture.hpp"
#include "topology/wire/attributes.hpp"
#include "webnode/ask/replays.hpp"
#include "webnode/route/history.hpp"

namespace zcomet::webnode::ask::replays_test {
namespace {

const Time kStart = Time{} + 1h;
constexpr std::uint64_t kEpoch = 36; // "10" in a cursor

struct Asker {
    FakeBroker broker;
    Replays replays;
};
struct Fixture : Asker, AskFixture {
    Fixture() : AskFixture(route::history_route(replays), replays.answers()) {
        replays.use(broker);
    }

    struct Kept {
        std::uint64_t position;
        std::string text;
        std::string event{};
    };
    /// The request is at the broker.
    const FakeBroker::AskedHistory& ask(const std::string& path) {
        REQUIRE_FALSE(get(path));
        replays.turn(kStart);
        REQUIRE_FALSE(broker.histories.empty());
        return broker.histories.back();
    }
    /// The broker answers the question that it got last.
    void tell(wire::Kept kept, const std::vector<Kept>& messages) {
        kept.token = broker.histories.back().frame.token;
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kKept);
        for (const Kept& message : messages) {
            const std::string attributes =
                wire::encode({.event = message.event, .position = message.position});
            writer.add({.id = "a", .payload = message.text, .attributes = attributes});
        }
        const std::string frame = writer.finish_kept(kept);
        const auto decoded = wire::decode(frame);
        replays.on_kept(std::get<wire::Kept>(std::get<wire::Frame>(decoded)));
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "without since the newest messages are asked for", "[replays]") {
    const auto& asked = ask("/history/a");
    CHECK(asked.id == "a");
    CHECK(asked.frame.wants_newest);
    CHECK_FALSE(asked.frame.is_for_feed);
    CHECK(asked.frame.epoch == 0);
    CHECK(asked.frame.count_max == 100);
    tell({.reach = wire::Reach::kNoCursor, .epoch = kEpoch, .through = 9},
         {{5, "x"}, {7, "\"y\"\n", "tick"}});
    CHECK(text_of(1) == "{\"id\":\"a\",\"messages\":[{\"cursor\":\"10-5\",\"data\":\"x\"},"
                        "{\"cursor\":\"10-7\",\"data\":\"\\\"y\\\"\\n\",\"event\":\"tick\"}],"
                        "\"cursor\":\"10-9\",\"complete\":true}\n");
    CHECK(replies[1].type == "application/json");
    CHECK(replays.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "an answer says whether messages before it are missing", "[replays]") {
    const auto complete = [this](const std::string& path, wire::Kept kept) {
        ask(path);
        kept.epoch = kEpoch;
        tell(kept, {{8, "x"}});
        return text_of(tickets).find("\"complete\":true") != std::string::npos;
    };
    CHECK(complete("/history/a", {.reach = wire::Reach::kNoCursor}));
    CHECK_FALSE(complete("/history/a", {.reach = wire::Reach::kNoCursor, .since = 7}));
    CHECK(complete("/history/a?since=10-5", {.reach = wire::Reach::kWhole, .since = 4}));
    CHECK_FALSE(complete("/history/a?since=10-5", {.reach = wire::Reach::kEvicted, .since = 7}));
    CHECK_FALSE(complete("/history/a?since=11-5", {.reach = wire::Reach::kOtherEpoch}));
    CHECK_FALSE(complete("/history/a?since=nonsense", {.reach = wire::Reach::kNoCursor}));
}

TEST_CASE_METHOD(Fixture, "with since the first messages after it are asked for", "[replays]") {
    const auto& asked = ask("/history/a?since=10-5&limit=2");
    CHECK_FALSE(asked.frame.wants_newest);
    CHECK(asked.frame.epoch == kEpoch);
    CHECK(asked.frame.after == 5);
    CHECK(asked.frame.count_max == 2);
    tell({.reach = wire::Reach::kWhole, .has_more = true, .epoch = kEpoch, .through = 9},
         {{6, "x"}, {7, "y"}});
    CHECK(text_of(1) == "{\"id\":\"a\",\"messages\":[{\"cursor\":\"10-6\",\"data\":\"x\"},"
                        "{\"cursor\":\"10-7\",\"data\":\"y\"}],\"cursor\":\"10-7\","
                        "\"complete\":true}\n");
    const auto& bad = ask("/history/a?since=nonsense");
    CHECK_FALSE(bad.frame.wants_newest); // the client goes on from the beginning
    CHECK(bad.frame.epoch == 0);
    CHECK(bad.frame.after == 0);
}

TEST_CASE_METHOD(Fixture, "a long answer is asked for in parts", "[replays]") {
    ask("/history/a?limit=3");
    tell({.reach = wire::Reach::kNoCursor, .has_more = true, .epoch = kEpoch, .through = 7},
         {{5, "x"}});
    CHECK(status_of(1) == 0);
    CHECK(replays.due() <= kStart);
    replays.turn(kStart);
    REQUIRE(broker.histories.size() == 2);
    CHECK_FALSE(broker.histories[1].frame.wants_newest);
    CHECK(broker.histories[1].frame.epoch == kEpoch);
    CHECK(broker.histories[1].frame.after == 5);
    CHECK(broker.histories[1].frame.count_max == 2);
    tell({.reach = wire::Reach::kWhole, .epoch = kEpoch, .through = 8}, {{8, "y"}});
    CHECK(text_of(1) == "{\"id\":\"a\",\"messages\":[{\"cursor\":\"10-5\",\"data\":\"x\"},"
                        "{\"cursor\":\"10-8\",\"data\":\"y\"}],\"cursor\":\"10-8\","
                        "\"complete\":true}\n");
}

TEST_CASE_METHOD(Fixture, "what went between two parts is missing", "[replays]") {
    ask("/history/a");
    tell({.reach = wire::Reach::kNoCursor, .has_more = true, .epoch = kEpoch, .through = 9},
         {{5, "x"}});
    replays.turn(kStart);
    tell({.reach = wire::Reach::kEvicted, .epoch = kEpoch, .since = 7, .through = 9}, {{8, "y"}});
    CHECK(text_of(1).find("\"complete\":false") != std::string::npos);
    ask("/history/a");
    tell({.reach = wire::Reach::kNoCursor, .has_more = true, .epoch = kEpoch, .through = 9},
         {{5, "x"}});
    replays.turn(kStart);
    tell({.reach = wire::Reach::kOtherEpoch, .epoch = kEpoch + 1}, {{8, "y"}});
    CHECK(status_of(2) == 503);
}

TEST_CASE_METHOD(Fixture, "a very long answer ends with a cursor", "[replays]") {
    ask("/history/a?limit=10000");
    std::uint64_t position = 0;
    for (; status_of(1) == 0; replays.turn(kStart)) {
        REQUIRE(position < 100);
        const wire::Reach reach = position == 0 ? wire::Reach::kNoCursor : wire::Reach::kWhole;
        ++position;
        tell({.reach = reach, .has_more = true, .epoch = kEpoch, .through = 1000},
             {{position, std::string(60'000, 'x')}});
    }
    const std::string text = text_of(1);
    CHECK(text.size() >= Replays::kAnswerBytesMax);
    CHECK(text.size() < Replays::kAnswerBytesMax + wire::kPayloadBytesMax);
    const std::string end =
        "\"cursor\":\"" + history::text_of({kEpoch, position}) + "\",\"complete\":true}\n";
    CHECK(text.substr(text.size() - end.size()) == end);
}

TEST_CASE_METHOD(Fixture, "404 for an id that has no history, 400 for a bad question",
                 "[replays]") {
    ask("/history/a");
    tell({.reach = wire::Reach::kNoHistory}, {});
    CHECK(status_of(1) == 404);
    const std::size_t asked = broker.histories.size();
    for (const char* path :
         {"/history/a%20b", "/history/", "/history/a?limit=0", "/history/a?limit=10001",
          "/history/a?limit=x", "/history/a?limit=1x", "/history/a?limit=-1"}) {
        CAPTURE(path);
        const auto answer = get(path);
        REQUIRE(answer);
        CHECK(answer->status == 400);
    }
    replays.turn(kStart);
    CHECK(broker.histories.size() == asked);
}

TEST_CASE_METHOD(Fixture, "few histories are asked for at a time, and others wait", "[replays]") {
    for (std::size_t i = 0; i < Replays::kAtOnceMax + 2; ++i) {
        REQUIRE_FALSE(get("/history/a"));
    }
    replays.turn(kStart);
    CHECK(broker.histories.size() == Replays::kAtOnceMax);
    CHECK(replays.due() == kStart + Replays::kAnswerMax);
    // One that goes on keeps its place, and gives the others theirs at the broker.
    tell({.reach = wire::Reach::kNoCursor, .has_more = true, .epoch = kEpoch}, {{5, "x"}});
    replays.turn(kStart);
    REQUIRE(broker.histories.size() == Replays::kAtOnceMax + 1);
    CHECK(broker.histories.back().frame.after == 5);
    tell({.reach = wire::Reach::kWhole, .epoch = kEpoch}, {});
    CHECK(replays.due() <= kStart);
    replays.turn(kStart);
    CHECK(broker.histories.size() == Replays::kAtOnceMax + 2);
    CHECK(broker.histories.back().frame.wants_newest); // one that had waited
}

TEST_CASE_METHOD(Fixture, "when very many wait: 429", "[replays]") {
    for (std::size_t i = 0; i < Replays::kAtOnceMax; ++i) {
        REQUIRE_FALSE(get("/history/a"));
    }
    replays.turn(kStart);
    for (std::size_t i = 0; i < Replays::kWaitingMax; ++i) {
        REQUIRE_FALSE(get("/history/a"));
    }
    replays.turn(kStart);
    const auto answer = get("/history/a");
    REQUIRE(answer);
    CHECK(answer->status == 429);
    CHECK(answer->bytes.find("\r\nRetry-After: 1\r\n") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "no answer without a broker, nor from one that says nothing",
                 "[replays]") {
    broker.is_welcomed = false;
    const auto answer = get("/history/a");
    REQUIRE(answer);
    CHECK(answer->status == 503);
    broker.is_welcomed = true;
    ask("/history/a"); // 2
    ask("/history/b"); // 3: goes on
    tell({.reach = wire::Reach::kNoCursor, .has_more = true, .epoch = kEpoch}, {{5, "x"}});
    REQUIRE_FALSE(get("/history/c")); // 4: waits
    replays.on_lost();
    for (std::uint32_t ticket = 2; ticket <= 4; ++ticket) {
        CHECK(status_of(ticket) == 503);
    }
    CHECK(replays.due() == kNever);
    ask("/history/a");
    replays.turn(kStart + Replays::kAnswerMax - 1ms);
    CHECK(status_of(5) == 0);
    replays.turn(kStart + Replays::kAnswerMax);
    CHECK(status_of(5) == 504);
    ask("/history/a");
    replays.on_refused();
    CHECK(status_of(6) == 503);
    replays.on_refused();
    CHECK(replays.due() == kNever);
}

} // namespace zcomet::webnode::ask::replays_test
