#include "topology/process/hang_watch.hpp"

#include <catch2/catch.hpp>

namespace hang_watch_test {

using namespace zcomet;
using namespace zcomet::process;
using Verdict = HangWatch::Verdict;

namespace {

/// Looks whenever it is due, until the verdict changes.
Verdict look_until(HangWatch& watch, std::uint64_t count, Time& now, Time end) {
    while (watch.due() <= end) {
        now = watch.due();
        if (const Verdict verdict = watch.look(count, now); verdict != Verdict::kFine) {
            return verdict;
        }
    }
    return Verdict::kFine;
}

} // namespace

TEST_CASE("a process that stands still is aborted after the patience, then killed", "[hang]") {
    HangWatch watch(10s);
    const Time begin = Time() + 1h;
    Time now = begin;
    watch.start(5, now);
    CHECK(look_until(watch, 5, now, begin + 1h) == Verdict::kAbort);
    CHECK(now == begin + 10s);
    CHECK(watch.still() == 10s);
    CHECK(look_until(watch, 5, now, begin + 1h) == Verdict::kKill);
    CHECK(now >= begin + 10s + HangWatch::kAbortPatience);
    CHECK(now <= begin + 10s + HangWatch::kAbortPatience + 10s / HangWatch::kLooks);
}

TEST_CASE("a process whose counter moves, however little, is fine", "[hang]") {
    HangWatch watch(10s);
    Time now = Time() + 1h;
    watch.start(0, now);
    for (std::uint64_t count = 1; count < 100; ++count) {
        CHECK(look_until(watch, count, now, now + 9s) == Verdict::kFine);
    }
}

TEST_CASE("a new process begins anew", "[hang]") {
    HangWatch watch(10s);
    const Time begin = Time() + 1h;
    Time now = begin;
    watch.start(5, now);
    REQUIRE(look_until(watch, 5, now, begin + 1h) == Verdict::kAbort);
    const Time again = now;
    watch.start(5, again);
    CHECK(look_until(watch, 5, now, again + 1h) == Verdict::kAbort);
    CHECK(now == again + 10s);
}

TEST_CASE("time in which the watch did not look does not count against the process", "[hang]") {
    HangWatch watch(10s);
    Time now = Time() + 1h;
    watch.start(5, now);
    now += 1h; // all of us were stopped
    CHECK(watch.look(5, now) == Verdict::kFine);
    CHECK(watch.still() < 5s);
    CHECK(look_until(watch, 5, now, now + 5s) == Verdict::kFine);
}

TEST_CASE("without patience nothing is looked at", "[hang]") {
    HangWatch watch(Duration::zero());
    watch.start(0, Time() + 1h);
    CHECK(watch.due() == kNever);
    CHECK(watch.look(0, Time() + 2h) == Verdict::kFine);
}

} // namespace hang_watch_test
