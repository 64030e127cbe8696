#include "topology/base/age.hpp"

#include <catch2/catch.hpp>

namespace age_test {

using namespace zcomet;
using namespace std::chrono_literals;

TEST_CASE("an age is a number and perhaps a unit", "[age]") {
    CHECK(read_age("90") == 90s);
    CHECK(read_age("90s") == 90s);
    CHECK(read_age("5m") == 5min);
    CHECK(read_age("2h") == 2h);
    CHECK(read_age("1d") == 24h);
    CHECK(read_age("0") == 0s);
    CHECK(read_age("36500d") == kAgeMax);
    for (const char* const text : {"", "s", "-1", "+1", "1.5h", "1 h", "1w", "1hh", "36501d",
                                   "4294967295d", "4294967296", "h1", " 1", "1\n"}) {
        CAPTURE(text);
        CHECK_FALSE(read_age(text));
    }
}

} // namespace age_test
