// Which streams are told that they missed messages, and at which pace.
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "webnode/stream/gap_teller.hpp"

#include <algorithm>
#include <deque>

namespace gap_teller_test {

using namespace zcomet;
using namespace zcomet::webnode;
using zcomet::webnode::request::Browser;
using zcomet::webnode::request::LoopFixture;
using zcomet::webnode::stream::GapTeller;

namespace {

const Time kStart = Time{} + 1h;
const std::string kTold = "29\r\n<em>Some messages were missed.</em><br/>\n\r\n";

struct Fixture {
    LoopFixture loop;
    GapTeller gaps{loop.connections, loop.presence.streams(), loop.counters, 1};

    Fixture() { loop.presence.tell_openings_to(gaps); }
    /// Lets the round end. @return how long it took.
    Duration finish() {
        Time now = kStart;
        while (gaps.due() != kNever) {
            now = std::max(now, gaps.due());
            gaps.turn(now);
        }
        return now - kStart;
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "each open stream is told once, and its numbers go on", "[gap_teller]") {
    const Browser one = loop.open_stream("7");
    const Browser other = loop.open_stream("8");
    loop.deliver({{"7", "a"}});
    CHECK(one.received().find("Recvd msg #1:") != std::string::npos);
    CHECK(gaps.due() == kNever);
    gaps.begin(kStart);
    CHECK(finish() < 1s); // they are few
    CHECK(one.received() == kTold);
    CHECK(other.received() == kTold);
    CHECK(loop.count(slot::WorkerCounter::kGapsTold) == 2);
    CHECK(loop.count(slot::WorkerCounter::kChunksGiven) == 1); // it is no message
    loop.deliver({{"7", "b"}});
    CHECK(one.received().find("Recvd msg #2:") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "without streams there is nothing to tell", "[gap_teller]") {
    gaps.begin(kStart);
    CHECK(finish() == 0s);
}

TEST_CASE_METHOD(Fixture, "a stream that opened after the gap is not told", "[gap_teller]") {
    const Browser before = loop.open_stream("7");
    gaps.begin(kStart);
    const Browser after = loop.open_stream("7");
    finish();
    CHECK(before.received() == kTold);
    CHECK(after.received().empty());
    SECTION("but of the next gap it is") {
        gaps.begin(kStart);
        finish();
        CHECK(after.received() == kTold);
    }
    SECTION("of a gap during the round it is told in the next one") {
        gaps.begin(kStart);
        const Browser third = loop.open_stream("8");
        gaps.begin(kStart);
        const Browser last = loop.open_stream("8");
        finish();
        CHECK(before.received() == kTold + kTold);
        CHECK(third.received() == kTold);
        CHECK(last.received().empty());
    }
}

TEST_CASE_METHOD(Fixture, "only streams of the ids that it concerns are told", "[gap_teller]") {
    const Browser one = loop.open_stream("7");
    const Browser other = loop.open_stream("8");
    const Browser third = loop.open_stream("9");
    const auto is = [](std::string_view wanted) {
        return [wanted](std::string_view id) { return id == wanted; };
    };
    gaps.begin(kStart, is("7"));
    SECTION("in a round") {
        finish();
        CHECK(one.received() == kTold);
        CHECK(other.received().empty());
    }
    SECTION("gaps during a round are told together in the next one") {
        gaps.begin(kStart, is("8"));
        gaps.begin(kStart, is("7"));
        finish();
        CHECK(one.received() == kTold + kTold);
        CHECK(other.received() == kTold);
        CHECK(third.received().empty());
    }
    SECTION("one of them may concern all") {
        gaps.begin(kStart);
        gaps.begin(kStart, is("7"));
        finish();
        CHECK(third.received() == kTold);
    }
}

TEST_CASE_METHOD(Fixture, "a few hundred streams are told a few at a time", "[gap_teller]") {
    std::deque<Browser> browsers;
    for (int i = 0; i < 200; ++i) {
        browsers.push_back(loop.open_stream("7"));
    }
    gaps.begin(kStart);
    Time now = kStart;
    std::uint64_t told = 0;
    while (gaps.due() != kNever) {
        now = std::max(now, gaps.due());
        gaps.turn(now);
        CHECK(loop.count(slot::WorkerCounter::kGapsTold) <= told + 16);
        told = loop.count(slot::WorkerCounter::kGapsTold);
    }
    CHECK(told == browsers.size());
    CHECK(now <= kStart + 1s);
    for (const Browser& browser : browsers) {
        REQUIRE(browser.received() == kTold);
    }
}

TEST_CASE_METHOD(Fixture, "very many take ten seconds, however many", "[gap_teller]") {
    // Connections that are no streams: only the pace counts.
    connection::ConnectionTable& table = loop.connections.table();
    for (int i = 0; i < 100'000; ++i) {
        static_cast<void>(table.add(-1));
    }
    gaps.begin(kStart);
    const Duration took = finish();
    CHECK(took > 8s);
    CHECK(took <= GapTeller::kTime + 100ms);
    table.for_each_connection([&table](connection::Handle handle, const connection::Connection&) {
        table.remove(handle);
    });
}

} // namespace gap_teller_test
