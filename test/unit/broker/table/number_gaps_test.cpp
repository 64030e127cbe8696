// Goal: a broker knows exactly which numbers of a sender it took in, however they come.
#include "broker/table/number_gaps.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>

namespace number_gaps_test {

using zcomet::broker::table::NumberGaps;

TEST_CASE("numbers that were skipped are in a gap until they come", "[number_gaps]") {
    NumberGaps gaps;
    gaps.on_taken_in(1, 3, 0);
    CHECK(gaps.empty());
    gaps.on_taken_in(4, 4, 3);
    CHECK(gaps.empty());
    gaps.on_taken_in(8, 9, 4);
    CHECK_FALSE(gaps.has(4));
    CHECK(gaps.has(5));
    CHECK(gaps.has(7));
    CHECK_FALSE(gaps.has(8));
    gaps.on_taken_in(6, 6, 9);
    CHECK(gaps.has(5));
    CHECK_FALSE(gaps.has(6));
    CHECK(gaps.has(7));
    gaps.on_taken_in(1, 9, 9);
    CHECK(gaps.empty());
}

TEST_CASE("a broker that did not know the sender has a gap from the beginning", "[number_gaps]") {
    NumberGaps gaps;
    gaps.on_taken_in(5, 6, 0);
    CHECK(gaps.has(1));
    CHECK(gaps.has(4));
    CHECK_FALSE(gaps.has(5));
}

TEST_CASE("of very many gaps the oldest are forgotten", "[number_gaps]") {
    NumberGaps gaps;
    for (std::uint64_t number = 2; number <= 2 * (NumberGaps::kGapsMax + 1); number += 2) {
        gaps.on_taken_in(number, number, number - 2);
    }
    CHECK_FALSE(gaps.has(1));
    CHECK(gaps.has(3));
    NumberGaps cut;
    cut.on_taken_in(1000, 1000, 0);
    for (std::uint64_t number = 2; number < 1000; number += 2) {
        cut.on_taken_in(number, number, 1000); // each cuts a gap in two
    }
    std::uint64_t left = 0;
    for (std::uint64_t number = 1; number < 1000; ++number) {
        left += cut.has(number) ? 1 : 0;
    }
    CHECK(left <= NumberGaps::kGapsMax);
}

TEST_CASE("whatever comes, the gaps are what a set of numbers says", "[number_gaps][property]") {
    constexpr unsigned kSeed = 20081025;
    std::mt19937 random(kSeed);
    INFO("seed " << kSeed);
    for (int round = 0; round < 300; ++round) {
        NumberGaps gaps;
        std::set<std::uint64_t> taken_in;
        std::uint64_t highest = 0;
        for (int step = 0; step < 12; ++step) { // fewer than make a gap be forgotten
            const std::uint64_t first = 1 + random() % (highest + 10);
            const std::uint64_t last = first + random() % 5;
            gaps.on_taken_in(first, last, highest);
            for (std::uint64_t number = first; number <= last; ++number) {
                taken_in.insert(number);
            }
            highest = std::max(highest, last);
            for (std::uint64_t number = 1; number <= highest; ++number) {
                REQUIRE(gaps.has(number) == (taken_in.count(number) == 0));
            }
        }
    }
}

} // namespace number_gaps_test
