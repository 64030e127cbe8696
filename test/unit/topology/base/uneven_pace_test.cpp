// How even an uneven pace is: over all, and in each part of its time.
#include "topology/base/uneven_pace.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace uneven_pace_test {

using namespace zcomet;

namespace {

const Time kStart = Time{} + 1h;

struct Turn {
    Duration at;
    std::uint32_t count;
};

/// All turns of a loop that is never held up.
std::vector<Turn> turns_of(std::uint32_t count, const UnevenPace::Terms& terms,
                           std::uint64_t seed = 1) {
    UnevenPace pace(seed);
    CHECK(pace.due() == kNever);
    pace.begin(kStart, terms);
    CHECK(pace.due() == kStart);
    std::vector<Turn> turns;
    for (std::uint32_t left = count; left > 0; left -= turns.back().count) {
        const Time now = pace.due();
        turns.push_back({now - kStart, pace.take(now, left)});
        REQUIRE(pace.due() > now);
    }
    pace.end();
    CHECK(pace.due() == kNever);
    return turns;
}

/// How many came from `begin` on, before `end`.
std::uint32_t between(const std::vector<Turn>& turns, Duration begin, Duration end) {
    std::uint32_t count = 0;
    for (const Turn& turn : turns) {
        count += turn.at >= begin && turn.at < end ? turn.count : 0;
    }
    return count;
}

} // namespace

TEST_CASE("each tenth of the time has a tenth of all", "[uneven_pace]") {
    const std::uint32_t count = GENERATE(3'000U, 25'000U, 1'000'000U);
    const auto seed = GENERATE(1U, 7U, 4'000'000'000U);
    const std::vector<Turn> turns =
        turns_of(count, {.within = 30s, .step = std::max<Duration>(2ms, 30s / count)}, seed);
    for (Duration begin = 0s; begin < 30s; begin += 3s) {
        const double part = 10.0 * between(turns, begin, begin + 3s) / count;
        CHECK(part > 0.8);
        CHECK(part < 1.2);
    }
    CHECK(turns.back().at <= 30s + 100ms);
}

TEST_CASE("steps are uneven, and none is more than one and a half of its share", "[uneven_pace]") {
    const std::vector<Turn> turns =
        turns_of(150'000, {.within = 30s, .step = 2ms}); // ten at a time
    std::vector<std::uint32_t> seen;
    std::vector<Duration> pauses;
    for (std::size_t n = 1; n < 1000; ++n) {
        CHECK(turns[n].count >= 5);
        CHECK(turns[n].count <= 16);
        seen.push_back(turns[n].count);
        pauses.push_back(turns[n].at - turns[n - 1].at);
    }
    CHECK(*std::min_element(seen.begin(), seen.end()) < 8);
    CHECK(*std::max_element(seen.begin(), seen.end()) > 12);
    CHECK(*std::min_element(pauses.begin(), pauses.end()) >= 1ms);
    CHECK(*std::min_element(pauses.begin(), pauses.end()) < 1200us);
    CHECK(*std::max_element(pauses.begin(), pauses.end()) > 2800us);
    CHECK(*std::max_element(pauses.begin(), pauses.end()) <= 3ms);
}

TEST_CASE("a few come in a turn although their share is less", "[uneven_pace]") {
    const std::vector<Turn> turns = turns_of(100, {.within = 10s, .step = 10ms, .few = 16});
    CHECK(turns.size() == 7);
    CHECK(turns.back().at < 100ms);
}

TEST_CASE("a loop that was held up comes to its end a little later", "[uneven_pace]") {
    UnevenPace pace(1);
    pace.begin(kStart, {.within = 1s, .step = 10ms});
    Time now = kStart + 2s;
    std::uint32_t left = 1000;
    int turns = 0;
    for (; left > 0; ++turns) {
        left -= pace.take(now, left);
        now = pace.due();
    }
    CHECK(turns <= 10);
    CHECK(now < kStart + 2s + 150ms);
}

} // namespace uneven_pace_test
