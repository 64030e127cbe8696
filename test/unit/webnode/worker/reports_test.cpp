// Goal: each rise of a counter is logged, once a second at most, with what an operator wants to
// know of it. Method: the counters are set by the test, and the time as well.
#include "test/support/captured_log.hpp"
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/worker/reports.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace reports_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::worker;
using Catch::Matchers::Contains;

namespace {

struct Fixture {
    /// What is logged at this time.
    std::string turn() {
        const test::CapturedLog log;
        reports.turn({.options = options,
                      .counters = loop.counters,
                      .stream_log = stream_log,
                      .connections = loop.connections,
                      .guard = guard,
                      .gate = gate,
                      .hook = nullptr,
                      .api = nullptr,
                      .why_streams_are_refused = "this node has no broker"},
                     now);
        return log.text();
    }

    request::LoopFixture loop;
    WorkerOptions options;
    connection::Clients clients;
    StreamLog stream_log{options.name, loop.presence.streams(), clients};
    http::PageGuard guard;
    request::Gate gate{"cookie", loop.counters};
    Reports reports;
    Time now = Time() + 1h;
};

} // namespace

TEST_CASE("a counter that rises is logged, once a second at most", "[reports]") {
    Fixture fixture;
    fixture.options.name = "n1";
    CHECK(fixture.turn().empty());
    fixture.loop.counters.add(slot::WorkerCounter::kProxyRefusals, 2);
    CHECK_THAT(fixture.turn(), Contains("event=proxy-refused node=n1 connections=2 text=\"from "));
    fixture.loop.counters.add(slot::WorkerCounter::kProxyRefusals, 3);
    CHECK(fixture.turn().empty());
    fixture.now += 1s;
    CHECK_THAT(fixture.turn(), Contains("event=proxy-refused node=n1 connections=3 "));
    fixture.now += 1s;
    CHECK(fixture.turn().empty());
}

TEST_CASE("lines of several counters come together", "[reports]") {
    Fixture fixture;
    fixture.loop.counters.add(slot::WorkerCounter::kStreamsRefused, 1);
    fixture.loop.counters.add(slot::WorkerCounter::kHostRefusals, 4);
    fixture.loop.counters.add(slot::WorkerCounter::kTokensUnchecked, 5);
    const std::string lines = fixture.turn();
    CHECK_THAT(lines, Contains("event=host-refused") && Contains(" requests=4 host=- text=\"no "));
    CHECK_THAT(lines, Contains("event=tokens-unchecked") && Contains(" requests=5 text=\"too "));
    CHECK_THAT(lines, Contains(" streams=1 text=\"this node has no broker\""));
}

TEST_CASE("what an earlier process has counted is not logged", "[reports]") {
    Fixture fixture;
    fixture.loop.counters.add(slot::WorkerCounter::kTokenEnds, 7);
    fixture.reports.begin(fixture.loop.counters);
    CHECK(fixture.turn().empty());
    fixture.loop.counters.add(slot::WorkerCounter::kTokenEnds, 1);
    CHECK_THAT(fixture.turn(), Contains("event=tokens-expired") && Contains(" streams=1"));
}

TEST_CASE("a part that is not there logs nothing", "[reports]") {
    Fixture fixture;
    fixture.loop.counters.add(slot::WorkerCounter::kApiResponses4xx, 1);
    fixture.loop.counters.add(slot::WorkerCounter::kHookFailed, 1);
    CHECK(fixture.turn().empty());
}

} // namespace reports_test
