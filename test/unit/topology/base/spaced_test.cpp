// Goal: work that is put off is done a little later, and never in each turn.
#include "topology/base/spaced.hpp"

#include <catch2/catch.hpp>

namespace zcomet {
namespace {

TEST_CASE("work is done at once, and after that not sooner than it should", "[spaced]") {
    const Time start = Time() + 1h;
    Spaced spaced(20ms);
    CHECK(spaced.due() == kNever);
    CHECK(spaced.turn(start));
    CHECK(spaced.due() == kNever);
    CHECK_FALSE(spaced.turn(start + 1ms));
    CHECK(spaced.due() == start + 20ms);
    CHECK_FALSE(spaced.turn(start + 19ms));
    CHECK(spaced.turn(start + 20ms));
    CHECK(spaced.due() == kNever);
    CHECK(spaced.turn(start + 1s));
    CHECK_FALSE(spaced.turn(start + 1s));
}

} // namespace
} // namespace zcomet
