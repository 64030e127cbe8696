#include "webnode/port/keepalive.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <vector>

namespace keepalive_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::port;

namespace {

constexpr Time kStart = Time() + 1h;

/// The pacer in a worker's loop, which sleeps until the pacer is due.
struct PacedTable {
    explicit PacedTable(std::uint32_t slots_used) : slots(slots_used) {}

    void run(Duration time) {
        for (const Time end = now + time; pacer.due(slots) <= end;) {
            now = std::max(now, pacer.due(slots));
            ++turns;
            pacer.turn(
                now, slots,
                [this](std::uint32_t first, std::uint32_t count) {
                    for (std::uint32_t slot = first; slot < first + count; ++slot) {
                        settled[slot].push_back(now);
                    }
                },
                [this](std::uint32_t first, std::uint32_t count) {
                    most_at_once = std::max(most_at_once, count);
                    for (std::uint32_t slot = first; slot < first + count; ++slot) {
                        probed[slot].push_back(now);
                    }
                });
        }
    }

    std::uint32_t slots;
    Time now = kStart;
    KeepalivePacer pacer{30s, kStart};
    std::map<std::uint32_t, std::vector<Time>> probed;
    std::map<std::uint32_t, std::vector<Time>> settled;
    std::uint32_t most_at_once = 0;
    int turns = 0;
};

} // namespace

TEST_CASE("the times of a bound leave room for four probes, the first one paced", "[keepalive]") {
    for (const std::chrono::seconds bound : {KeepaliveTimes::kMin, std::chrono::seconds(60),
                                             std::chrono::seconds(600), KeepaliveTimes::kMax}) {
        const KeepaliveTimes times = KeepaliveTimes::within(bound);
        INFO(bound.count());
        CHECK(times.retry >= 1s);
        CHECK(times.quiet >= 1s);
        CHECK(times.kernel_first > times.lap + times.quiet);
        CHECK(times.kernel_first <= 32'767s);
        CHECK(times.unanswered + times.retry == bound);
        CHECK(times.kernel_first + 3 * times.retry <= bound);
    }
}

TEST_CASE("every slot is probed once a lap, and settled a tenth of a second later", "[keepalive]") {
    const std::uint32_t slots = GENERATE(1U, 3U, 7U, 300U, 20'000U);
    INFO(slots);
    PacedTable table(slots);
    table.run(95s);
    REQUIRE(table.probed.size() == slots);
    for (const auto& [slot, times] : table.probed) {
        CHECK(times.size() >= 3);
        for (std::size_t i = 1; i < times.size(); ++i) {
            CHECK(times[i] - times[i - 1] <= 31s);
            CHECK(table.settled[slot][i - 1] - times[i - 1] == 100ms);
        }
    }
}

TEST_CASE("probes of many go out at an even pace, and few cost few wake-ups", "[keepalive]") {
    PacedTable many(20'000);
    many.run(60s);
    CHECK(many.most_at_once <= 68); // 20,000 in 300 turns, and the rest of a turn
    PacedTable few(3);
    few.run(60s);
    CHECK(few.turns <= 13); // two for each probe
}

TEST_CASE("an empty table costs no wake-up, and gone connections no probe", "[keepalive]") {
    PacedTable table(0);
    CHECK(table.pacer.due(0) == kNever);
    table.slots = 300;
    table.run(20s);
    table.probed.clear();
    table.slots = 10;
    table.run(60s);
    CHECK(table.probed.size() == 10);
    CHECK(table.probed.rbegin()->first == 9);
}

TEST_CASE("a loop that was held up for hours does not catch up in a burst", "[keepalive]") {
    PacedTable table(20'000);
    table.now += 5h;
    table.run(1s);
    CHECK(table.most_at_once <= 133);
    CHECK(table.probed.size() <= 1330);
}

} // namespace keepalive_test
