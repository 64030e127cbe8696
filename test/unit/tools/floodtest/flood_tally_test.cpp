// Goal: counts are added up and shown correctly, for people and for machines.
#include "tools/floodtest/flood_tally.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <memory>

namespace flood_tally_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::floodtest;
using Catch::Matchers::Contains;

namespace {

std::unique_ptr<FloodTally> tally_of(std::uint64_t connected, std::uint64_t closed,
                                     std::uint64_t chunks) {
    auto tally = std::make_unique<FloodTally>();
    tally->counters.add(FloodCounter::kConnected, connected);
    tally->counters.add(FloodCounter::kClosed, closed);
    tally->counters.add(FloodCounter::kChunks, chunks);
    return tally;
}

FloodResult result_of(std::uint64_t wanted, const FloodTally& tally) {
    FloodResult result;
    result.wanted = wanted;
    result.processes = 1;
    result.add(tally);
    return result;
}

} // namespace

TEST_CASE("the statistics have the form of 2008", "[flood_tally]") {
    FloodTotals totals;
    CHECK(stats_line(totals) == "Stats: {0,0,0}");
    totals.add(*tally_of(10'000, 0, 5'912));
    CHECK(stats_line(totals) == "Stats: {10000,0,5912}");
    totals.add(*tally_of(5, 3, 1));
    CHECK(stats_line(totals) == "Stats: {10002,3,5913}");
}

TEST_CASE("a run passes when every stream opened and no stream ended", "[flood_tally]") {
    CHECK(result_of(3, *tally_of(3, 0, 9)).passed());
    CHECK_FALSE(result_of(4, *tally_of(3, 0, 9)).passed());
    CHECK_FALSE(result_of(3, *tally_of(3, 1, 9)).passed());
    FloodResult interrupted = result_of(4, *tally_of(3, 0, 9));
    interrupted.interrupted = true;
    CHECK(interrupted.passed());
    interrupted.add(*tally_of(0, 1, 0));
    CHECK_FALSE(interrupted.passed());
}

TEST_CASE("failures are counted by kind", "[flood_tally]") {
    auto tally = tally_of(1, 0, 0);
    tally->counters.add(FloodCounter::kRefused, 2);
    tally->counters.add(FloodCounter::kBadStatus, 3);
    tally->status_codes[404] = 2;
    tally->status_codes[503] = 1;
    tally->counters.add(FloodCounter::kOtherError);
    tally->last_errno = EADDRNOTAVAIL;
    const FloodResult result = result_of(7, *tally);
    CHECK(result.totals.failed() == 6);
    CHECK_THAT(summary_text(result), Contains("6: refused 2, status 3 (404: 2 503: 1), other error "
                                              "1 (last: Cannot assign requested address; local"));
    const auto json = nlohmann::json::parse(summary_json(result));
    CHECK(json["failed"]["total"] == 6);
    CHECK(json["failed"]["refused"] == 2);
    CHECK(json["status_codes"]["503"] == 1);
    CHECK(json["passed"] == false);
}

TEST_CASE("a log that could not be written is a failure", "[flood_tally]") {
    auto tally = tally_of(3, 0, 9);
    CHECK_THAT(summary_text(result_of(3, *tally)), !Contains("log "));
    tally->counters.set(FloodCounter::kLogLinesLost, 5);
    tally->log_errno = ENOSPC;
    const FloodResult result = result_of(3, *tally);
    CHECK_FALSE(result.passed());
    CHECK(result.totals.failed() == 0);
    CHECK_THAT(summary_text(result), Contains("lacks 5 lines: No space left on device\n"));
    CHECK(nlohmann::json::parse(summary_json(result))["log_lines_lost"] == 5);
}

TEST_CASE("rates are of the time when all streams were open", "[flood_tally]") {
    FloodResult result = result_of(1, *tally_of(1, 0, 100));
    CHECK(result.chunks_per_s() == 0);
    result.opening_s = 5;
    CHECK(result.chunks_per_s() == 20);
    result.measured_s = 2;
    result.measured_chunks = 80;
    CHECK(result.chunks_per_s() == 40);
}

TEST_CASE("percentiles of all processes together", "[flood_tally]") {
    auto first = tally_of(1, 0, 1);
    auto second = tally_of(1, 0, 1);
    first->latency.record(50);
    second->latency.record(1'000'000);
    first->last_message_ns = 2;
    second->last_message_ns = 1;
    FloodResult result = result_of(2, *first);
    result.add(*second);
    const auto json = nlohmann::json::parse(summary_json(result));
    CHECK(json["latency_ns"]["count"] == 2);
    CHECK(json["last_message_ns"] == 2);
    CHECK(json["latency_ns"]["p50"] == 50);
    CHECK(json["latency_ns"]["max"] == 1'000'000);
    CHECK(json["connect_ns"]["count"] == 0);
    CHECK_THAT(summary_text(result), Contains("max 1.000 ms of 2"));
    CHECK_THAT(summary_text(result), Contains("connect time  nothing measured"));
}

} // namespace flood_tally_test
