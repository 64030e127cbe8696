// When a quantity near its bound is worth a warning.
#include "topology/base/nearness.hpp"

#include <catch2/catch.hpp>

namespace nearness_test {

using zcomet::Nearness;

TEST_CASE("nearness: it warns at 80 %, and again only after calm", "[nearness]") {
    Nearness near;
    CHECK_FALSE(near.note(79, 100));
    CHECK(near.note(80, 100));
    CHECK_FALSE(near.note(100, 100));
    CHECK_FALSE(near.note(75, 100)); // hovers
    CHECK_FALSE(near.note(85, 100));
    CHECK_FALSE(near.note(69, 100));
    CHECK(near.note(85, 100));
    CHECK(near.percent() == 85);
}

TEST_CASE("nearness: no bound, and numbers without end", "[nearness]") {
    Nearness near;
    CHECK_FALSE(near.note(5, 0));
    CHECK(near.percent() == 0);
    CHECK(near.note(UINT64_MAX, UINT64_MAX));
    CHECK(near.percent() == 100);
    CHECK_FALSE(near.note(UINT64_MAX, 1));
    CHECK(near.percent() == Nearness::kPercentMax);
}

} // namespace nearness_test
