// The phases of a worker that ends, and when each begins.
#include "webnode/worker/drain.hpp"

#include <catch2/catch.hpp>

namespace drain_test {

using namespace zcomet;
using zcomet::webnode::worker::Drain;
using Phase = Drain::Phase;

namespace {

const Time kStart = Time{} + 1h;
constexpr Drain::Terms kTerms{.grace = 5s, .within = 30s};
constexpr Drain::State kServing{.streams = 10, .has_left = false, .has_output = true};

} // namespace

TEST_CASE("a drain goes from phase to phase", "[drain]") {
    Drain drain;
    CHECK_FALSE(drain.has_begun());
    CHECK_FALSE(drain.step(kServing, kStart));
    CHECK(drain.due() == kNever);
    Drain::State state = kServing;

    drain.begin(kTerms, state.streams, kStart);
    CHECK(drain.phase() == Phase::kNoticing);
    CHECK(drain.due() == kStart + 5s);
    state.streams = 0; // others may come
    CHECK_FALSE(drain.step(state, kStart + 4999ms));
    state.streams = 12;
    CHECK(drain.step(state, kStart + 5s));
    CHECK(drain.phase() == Phase::kLeaving);

    CHECK_FALSE(drain.step(state, kStart + 5100ms));
    state.has_left = true;
    CHECK(drain.step(state, kStart + 5250ms));
    CHECK(drain.phase() == Phase::kMoving);

    CHECK_FALSE(drain.step(state, kStart + 35s));
    state.streams = 0;
    CHECK(drain.step(state, kStart + 35s));
    CHECK(drain.phase() == Phase::kFlushing);

    CHECK_FALSE(drain.step(state, kStart + 36s));
    CHECK_FALSE(drain.is_over());
    state.has_output = false;
    CHECK(drain.step(state, kStart + 36s));
    CHECK(drain.is_over());
    CHECK(drain.due() == kNever);
    CHECK_FALSE(drain.step(state, kStart + 99s));
}

TEST_CASE("no phase of a drain lasts for ever", "[drain]") {
    Drain drain;
    drain.begin(kTerms, 10, kStart);
    Time now = kStart;
    while (!drain.is_over()) {
        REQUIRE(drain.due() != kNever);
        now = drain.due();
        REQUIRE(drain.step(kServing, now));
    }
    CHECK(now == kStart + kTerms.grace + kTerms.within + Drain::kLeavingMax + Drain::kMovingSlack +
                     Drain::kFlushingMax);
}

TEST_CASE("a drain without streams, or without time, is over at once", "[drain]") {
    Drain drain;
    SECTION("no streams") {
        drain.begin(kTerms, 0, kStart);
    }
    SECTION("no time") {
        drain.begin({.grace = 0s, .within = 0s}, 10, kStart);
    }
    CHECK(drain.is_over());
}

TEST_CASE("a drain without grace leaves the port at once", "[drain]") {
    Drain drain;
    drain.begin({.grace = 0s, .within = 30s}, 10, kStart);
    CHECK(drain.due() == kStart);
    CHECK(drain.step(kServing, kStart)); // the worker hears of it
    CHECK(drain.phase() == Phase::kLeaving);
}

TEST_CASE("a drain without time for its streams ends after its grace", "[drain]") {
    Drain drain;
    drain.begin({.grace = 5s, .within = 0s}, 10, kStart);
    CHECK(drain.phase() == Phase::kNoticing);
    CHECK(drain.step(kServing, kStart + 5s));
    CHECK(drain.is_over());
}

TEST_CASE("a second signal does not begin a drain again, and one to end at once ends it",
          "[drain]") {
    Drain drain;
    drain.begin(kTerms, 10, kStart);
    drain.begin(kTerms, 0, kStart + 3s);
    CHECK(drain.phase() == Phase::kNoticing);
    CHECK(drain.due() == kStart + 5s);
    drain.cut_short();
    CHECK(drain.is_over());
    drain.begin(kTerms, 10, kStart + 4s);
    CHECK(drain.is_over());
}

} // namespace drain_test
