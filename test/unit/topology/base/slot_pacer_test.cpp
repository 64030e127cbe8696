// How often a pacer wakes its loop, for how many slots.
#include "topology/base/slot_pacer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

namespace slot_pacer_test {

using namespace zcomet;

namespace {

constexpr Duration kLap = 12'500ms;
constexpr Duration kStep = 10ms;
constexpr Duration kStepMax = 100ms;

/// A loop that sleeps until something is due.
struct Loop {
    Time now = Time{} + 1h;
    SlotPacer pacer{kLap, now, kStep, kStepMax};
    std::uint32_t slots;
    int turns = 0;
    std::uint32_t visited = 0;
    std::uint32_t most = 0;

    explicit Loop(std::uint32_t count) : slots(count) {}

    void run(Duration time) {
        const Time end = now + time;
        while (pacer.due(slots) <= end) {
            now = pacer.due(slots);
            ++turns;
            pacer.turn(now, slots, [this](std::uint32_t /*first*/, std::uint32_t count) {
                visited += count;
                most = std::max(most, count);
            });
        }
        now = end;
    }
};

} // namespace

TEST_CASE("a turn waits for some slots, but not for long", "[slot_pacer]") {
    const auto [slots, turns_max, most] = GENERATE(values<std::tuple<std::uint32_t, int, int>>({
        {10, 10, 1},            // one for each
        {1'000, 126, 9},        // each 100 ms
        {10'000, 158, 65},      // for 64 slots
        {1'000'000, 1251, 801}, // each 10 ms
    }));
    Loop loop(slots);
    loop.run(kLap);
    INFO(slots);
    CHECK(loop.turns <= turns_max);
    CHECK(loop.most <= static_cast<std::uint32_t>(most));
    CHECK(loop.visited >= slots - loop.most);
    CHECK(loop.visited <= slots);
}

TEST_CASE("each slot is visited within a lap, while more and more come", "[slot_pacer]") {
    const auto [first_slots, each] = GENERATE(values<std::tuple<std::size_t, Duration>>({
        {1, 100ms},
        {1, 10ms},
        {1, 1ms},
        {1'000, 10ms},
        {20'000, 1ms},
        {20'000, 300us},
    }));
    INFO(first_slots << " slots, then one in " << each.count() << " ns");
    const Time begin = Time{} + 1h;
    SlotPacer pacer(kLap, begin, kStep, kStepMax);
    std::vector<Time> visited(first_slots, begin); // or when it came
    Duration longest{};
    std::uint32_t most = 0;
    for (Time now = begin; now < begin + 5 * kLap; now += each) {
        if (pacer.due(static_cast<std::uint32_t>(visited.size())) <= now) {
            pacer.turn(now, static_cast<std::uint32_t>(visited.size()),
                       [&](std::uint32_t first, std::uint32_t count) {
                           most = std::max(most, count);
                           for (std::uint32_t n = first; n < first + count; ++n) {
                               longest = std::max(longest, now - visited[n]);
                               visited[n] = now;
                           }
                       });
        }
        visited.push_back(now);
    }
    for (const Time at : visited) {
        longest = std::max(longest, begin + 5 * kLap - at);
    }
    CHECK(longest <= kLap + 2 * kStepMax);
    CHECK(most <= std::max<std::size_t>(128, visited.size() * kStepMax / kLap));
}

} // namespace slot_pacer_test
