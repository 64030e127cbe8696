// What the signals that a supervisor gets mean for its workers.
#include "webnode/supervisor/ending.hpp"

#include <catch2/catch.hpp>

namespace ending_test {

using namespace zcomet;
using zcomet::webnode::supervisor::Ending;
using Order = Ending::Order;

namespace {
const Time kStart = Time{} + 1h;
constexpr Duration kDrainMax = 35s;
} // namespace

TEST_CASE("SIGTERM drains, and kills who takes too long", "[ending]") {
    Ending ending(kDrainMax);
    CHECK(ending.on_signal(SIGTERM, kStart) == Order::kDrain);
    const Time latest = kStart + kDrainMax + Ending::kDrainPatience;
    CHECK(ending.due() == latest);
    CHECK(ending.on_time(latest - 1ms) == Order::kNone);
    CHECK(ending.on_time(latest) == Order::kKill);
    CHECK(ending.due() == kNever);
    CHECK(ending.on_time(latest + 1s) == Order::kNone);
}

TEST_CASE("SIGINT ends within two seconds", "[ending]") {
    Ending ending(kDrainMax);
    CHECK(ending.on_signal(SIGINT, kStart) == Order::kEnd);
    CHECK(ending.due() < kStart + 2s);
    CHECK(ending.on_time(ending.due()) == Order::kKill);
}

TEST_CASE("a second signal of either kind ends at once, and a third changes nothing", "[ending]") {
    const int first = GENERATE(SIGTERM, SIGINT);
    const int second = GENERATE(SIGTERM, SIGINT);
    Ending ending(kDrainMax);
    static_cast<void>(ending.on_signal(first, kStart));
    CHECK(ending.on_signal(second, kStart + 100ms) == Order::kEnd);
    const Time latest = kStart + 100ms + Ending::kAtOncePatience;
    CHECK(ending.due() == latest);
    CHECK(ending.on_signal(SIGTERM, kStart + 200ms) == Order::kNone);
    CHECK(ending.due() == latest);
    CHECK(ending.on_time(latest) == Order::kKill);
}

TEST_CASE("a second signal gives no time that the first did not", "[ending]") {
    Ending ending(kDrainMax);
    static_cast<void>(ending.on_signal(SIGINT, kStart));
    const Time latest = ending.due();
    static_cast<void>(ending.on_signal(SIGINT, latest - 10ms));
    CHECK(ending.due() == latest);
}

} // namespace ending_test
