#include "topology/process/restart_delay.hpp"

#include <catch2/catch.hpp>

namespace restart_delay_test {

using namespace zcomet;
using namespace zcomet::process;

TEST_CASE("the first restart is at once, those of a process that keeps dying are not",
          "[restart_delay]") {
    RestartDelay delay;
    CHECK(delay.after(1h) == 0s);
    CHECK(delay.after(10ms) == 100ms);
    CHECK(delay.after(10ms) == 200ms);
    for (int i = 0; i < 10; ++i) {
        CHECK(delay.after(10ms) <= RestartDelay::kLongestPause);
    }
    CHECK(delay.after(10ms) == RestartDelay::kLongestPause);
}

TEST_CASE("a process that has run for a while is forgiven", "[restart_delay]") {
    RestartDelay delay;
    for (int i = 0; i < 5; ++i) {
        static_cast<void>(delay.after(0s));
    }
    CHECK(delay.after(RestartDelay::kStable) == 0s);
    CHECK(delay.after(0s) == RestartDelay::kFirstPause);
}

} // namespace restart_delay_test
