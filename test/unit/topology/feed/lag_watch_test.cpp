// When a node is left behind by its feed, and when it has caught up.
#include "topology/feed/lag_watch.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace zcomet;
using namespace zcomet::feed;

namespace {

constexpr Duration kStep = 100ms;

/// A node that is looked at each kStep.
struct Watched {
    LagWatch watch;
    Time now = Time{} + 1h;
    std::uint64_t acknowledged = 0;
    std::uint64_t published = 0;
    bool has_more = false;

    void look() {
        now += kStep;
        static_cast<void>(watch.look(acknowledged, published, has_more, now));
    }
    /// Lets it go on, each step as `step` says. @return after how long it was left behind, or had
    /// caught up; at most `time`.
    Duration until_changed(Duration time, const std::function<void()>& step) {
        const bool before = watch.is_left_behind();
        for (Duration passed = kStep; passed < time; passed += kStep) {
            step();
            look();
            if (watch.is_left_behind() != before) {
                return passed;
            }
        }
        return time;
    }
};

} // namespace

TEST_CASE("a node that acknowledges little by little is left behind after five seconds",
          "[lag_watch]") {
    Watched node;
    node.look();
    node.has_more = true;
    node.published = 60; // a window of small batches
    const Duration passed = node.until_changed(20s, [&node] {
        ++node.acknowledged;
        ++node.published;
    });
    CHECK(passed >= LagWatch::kBehindMax);
    CHECK(passed < LagWatch::kBehindMax + 2s);
    SECTION("it has caught up when it has kept up for as long") {
        node.has_more = false;
        const Duration caught_up =
            node.until_changed(20s, [&node] { node.acknowledged = node.published; });
        CHECK(caught_up >= LagWatch::kBehindMax);
        CHECK(caught_up < LagWatch::kBehindMax + 1s);
    }
    SECTION("a moment of rest changes nothing") {
        node.has_more = false;
        CHECK(node.until_changed(1s, [&node] { node.acknowledged = node.published; }) == 1s);
    }
}

TEST_CASE("a node that is busy all the time is not left behind", "[lag_watch]") {
    Watched node;
    node.has_more = true; // the sender is faster, always
    CHECK(node.until_changed(60s, [&node] {
        node.published += 10;
        node.acknowledged = node.published - 8; // 80 ms behind
    }) == 60s);
}

TEST_CASE("a node with little to do may acknowledge late", "[lag_watch]") {
    Watched node;
    int steps = 0;
    CHECK(node.until_changed(60s, [&] {
        ++node.published;
        if (++steps % 10 == 0) { // with its heartbeat
            node.acknowledged = node.published;
        }
    }) == 60s);
}

TEST_CASE("a node that lags most of the time is left behind", "[lag_watch]") {
    Watched node;
    node.published = 1;
    int steps = 0;
    const Duration passed = node.until_changed(60s, [&] {
        // Two seconds for a window, then it has caught up for a moment.
        const int phase = ++steps % 22;
        node.has_more = phase > 1;
        if (phase <= 1) {
            node.acknowledged = node.published;
            node.published += 100;
        }
    });
    CHECK(passed < 20s);
}

TEST_CASE("a broker that was stopped leaves nobody behind", "[lag_watch]") {
    Watched node;
    node.has_more = true;
    node.published = 10;
    node.look();
    node.now += 60s;
    node.look();
    CHECK_FALSE(node.watch.is_left_behind());
}
