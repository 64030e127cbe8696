#include "topology/metrics/json.hpp"
#include "webnode/supervisor/stats.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <array>

namespace stats_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::supervisor;

namespace {

nlohmann::json stats_of(std::span<const slot::WorkerSlot> slots) {
    return nlohmann::json::parse(metrics::to_json(stats_snapshot({"web", "127.0.0.1:80", slots}),
                                                  metrics::JsonLayout::kLines));
}

} // namespace

TEST_CASE("stats show each worker and the sums", "[stats]") {
    std::array<slot::WorkerSlot, 2> slots;
    slots[0].counters.set(slot::WorkerCounter::kStreams, 3);
    slots[1].counters.set(slot::WorkerCounter::kStreams, 4);
    slots[1].counters.set(slot::WorkerCounter::kFeedGaps, 1);
    slots[1].state.store(slot::WorkerState::kLive);
    slots[1].restarts.store(2);
    slots[1].pid.store(::getpid()); // a process whose memory can be read
    const auto stats = stats_of(slots);
    CHECK(stats["name"] == "web");
    CHECK(stats["version"] == ZCOMET_VERSION);
    CHECK(stats["http"] == "127.0.0.1:80");
    CHECK(stats["pid"] == ::getpid());
    CHECK(stats["workers"][0]["name"] == "web/1");
    CHECK(stats["workers"][0]["state"] == "down");
    CHECK(stats["workers"][0]["pid"] == 0);
    CHECK(stats["workers"][0]["rss_kb"] == 0);
    CHECK(stats["workers"][1]["name"] == "web/2");
    CHECK(stats["workers"][1]["state"] == "live");
    CHECK(stats["workers"][1]["streams"] == 4);
    CHECK(stats["workers"][1]["connections"] == 0);
    CHECK(stats["workers"][1]["counters"]["feed_gaps"] == 1);
    CHECK(stats["totals"]["streams"] == 7);
    CHECK(stats["totals"]["restarts"] == 2);
    CHECK(stats["totals"]["counters"]["streams"] == 7);
    CHECK(stats["totals"]["pss_kb"] > stats["workers"][1]["pss_kb"]); // the supervisor's besides
}

TEST_CASE("every counter of a worker is shown, whether it is a gauge or not", "[stats]") {
    const std::array<slot::WorkerSlot, 1> slots;
    const auto stats = stats_of(slots);
    CHECK(stats["workers"][0]["counters"].size() == slot::kWorkerMetrics.size());
    CHECK(stats["totals"]["counters"].size() == slot::kWorkerMetrics.size());
}

TEST_CASE("the gauges of a worker end with its process, its counters do not", "[stats]") {
    slot::WorkerSlot slot;
    slot.counters.set(slot::WorkerCounter::kStreams, 3);
    slot.counters.set(slot::WorkerCounter::kFull, 1);
    slot.counters.set(slot::WorkerCounter::kAccepted, 9);
    slot.reset_gauges();
    CHECK(slot.counters.get(slot::WorkerCounter::kStreams) == 0);
    CHECK(slot.counters.get(slot::WorkerCounter::kFull) == 0);
    CHECK(slot.counters.get(slot::WorkerCounter::kAccepted) == 9);
}

} // namespace stats_test
