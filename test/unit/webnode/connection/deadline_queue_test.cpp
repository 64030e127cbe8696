#include "webnode/connection/deadline_queue.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace deadline_queue_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::connection;

namespace {

std::vector<std::uint32_t> expired(DeadlineQueue& queue, Time now) {
    std::vector<std::uint32_t> indices;
    queue.expire(now, [&](Handle handle, Time) { indices.push_back(handle.index); });
    return indices;
}

} // namespace

TEST_CASE("a deadline expires when its time has come, and once", "[deadline_queue]") {
    DeadlineQueue queue(10s);
    const Time start = Time() + 1h;
    CHECK(queue.due() == kNever);
    CHECK(queue.push({1, 7}, start) == start + 10s);
    CHECK(queue.due() == start + 10s);
    CHECK(expired(queue, start + 9999ms).empty());
    CHECK(expired(queue, start + 10s) == std::vector<std::uint32_t>{1});
    CHECK(expired(queue, start + 20s).empty());
    CHECK(queue.due() == kNever);
}

TEST_CASE("a busy connection has an entry for each tenth of a second", "[deadline_queue]") {
    DeadlineQueue queue(10s);
    const Time start = Time() + 1h;
    Time latest = Time::min();
    std::vector<Time> deadlines;
    for (int i = 0; i < 1000; ++i) {
        latest = queue.push_again({1, 1}, latest, start + i * 1ms);
        CHECK(latest <= start + i * 1ms + 10s);
        CHECK(latest >= start + i * 1ms + 9900ms);
        if (deadlines.empty() || deadlines.back() != latest) {
            deadlines.push_back(latest);
        }
    }
    CHECK(deadlines.size() == 10);
    CHECK(expired(queue, start + 20s).size() == deadlines.size());
    // An entry that has expired serves no more.
    CHECK(queue.push_again({1, 1}, latest, latest) == latest + 10s);
}

TEST_CASE("with another delay no later entry comes before an earlier one", "[deadline_queue]") {
    DeadlineQueue queue(10s);
    const Time start = Time() + 1h;
    queue.push({1, 1}, start);
    queue.set_delay(1s);
    CHECK(queue.push({2, 1}, start) == start + 10s);
    CHECK(queue.push({3, 1}, start + 9500ms) == start + 10500ms);
    queue.set_delay(20s);
    CHECK(queue.push({4, 1}, start + 9600ms) == start + 29600ms);
    CHECK(expired(queue, start + 10s) == std::vector<std::uint32_t>{1, 2});
    CHECK(expired(queue, start + 11s) == std::vector<std::uint32_t>{3});
}

TEST_CASE("some entries are looked at, from where the last look ended", "[deadline_queue]") {
    DeadlineQueue queue(1s);
    const Time start = Time() + 1h;
    const auto seen = [&queue](std::size_t most) {
        std::vector<std::uint32_t> indices;
        queue.look_at_some(most, [&](Handle handle, Time) { indices.push_back(handle.index); });
        return indices;
    };
    using Indices = std::vector<std::uint32_t>;
    CHECK(seen(3).empty());
    for (std::uint32_t i = 0; i < 5; ++i) {
        queue.push({i, 1}, start + i * 1ms);
    }
    CHECK(seen(3) == Indices{0, 1, 2});
    CHECK(seen(3) == Indices{3, 4, 0});
    CHECK(seen(9) == Indices{1, 2, 3, 4, 0});
    CHECK(expired(queue, start + 1001ms) == Indices{0, 1}); // the look goes on at the same entry
    CHECK(seen(2) == Indices{2, 3});
    CHECK(seen(2) == Indices{4, 2});
    CHECK(expired(queue, start + 2s).size() == 3);
    CHECK(seen(2).empty());
}

TEST_CASE("many deadlines cost a sweep each tenth of a second", "[deadline_queue]") {
    DeadlineQueue queue(1s);
    const Time start = Time() + 1h;
    for (std::uint32_t i = 0; i < 100; ++i) {
        queue.push({i, 1}, start + i * 1ms);
    }
    CHECK(expired(queue, start + 1s).size() == 1);
    CHECK(queue.due() == start + 1100ms);
    CHECK(expired(queue, start + 1050ms).empty());
    CHECK(expired(queue, start + 1100ms).size() == 99);
}

TEST_CASE("very many deadlines at the same time take several calls", "[deadline_queue]") {
    DeadlineQueue queue(1s);
    const Time start = Time() + 1h;
    for (std::uint32_t i = 0; i < 2 * DeadlineQueue::kVisitsMax + 1; ++i) {
        queue.push({i, 1}, start);
    }
    const Time now = start + 1s;
    CHECK(expired(queue, now).size() == DeadlineQueue::kVisitsMax);
    CHECK(queue.due() <= now);
    CHECK(expired(queue, now).size() == DeadlineQueue::kVisitsMax);
    CHECK(expired(queue, now).size() == 1);
    CHECK(queue.due() == kNever);
}

} // namespace deadline_queue_test
