#include "topology/metrics/near_bound.hpp"

#include <catch2/catch.hpp>

using namespace zcomet::metrics;

TEST_CASE("a bound is near at four fifths, and said once until the value has gone back",
          "[near_bound]") {
    NearBound bound;
    CHECK(near(100) == 80);
    CHECK_FALSE(bound.comes_near(0, 100));
    CHECK_FALSE(bound.comes_near(79, 100));
    CHECK(bound.comes_near(80, 100));
    CHECK_FALSE(bound.comes_near(100, 100));
    CHECK_FALSE(bound.comes_near(70, 100));
    CHECK_FALSE(bound.comes_near(90, 100)); // it has not been away
    CHECK_FALSE(bound.comes_near(59, 100));
    CHECK(bound.comes_near(200, 100));
}

TEST_CASE("no value is near a bound that does not exist", "[near_bound]") {
    NearBound bound;
    CHECK_FALSE(bound.comes_near(0, 0));
    CHECK_FALSE(bound.comes_near(1'000'000, 0));
}
