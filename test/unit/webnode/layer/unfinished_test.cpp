// Goal: the sum of unfinished requests is exact, and the largest and slowest of them go first.
#include "webnode/layer/unfinished.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace zcomet::webnode::layer::unfinished_test {
namespace {

using connection::Handle;

constexpr Handle kInHand{1'000'000, 1};

/// Requests by their connection's index, the oldest first.
struct Unfinished {
    connection::DeadlineQueue queue{10s};
    std::map<std::uint32_t, std::size_t> memory;
    std::map<std::uint32_t, Time> deadlines;

    void add(std::uint32_t index, std::size_t bytes) {
        memory[index] = bytes;
        deadlines[index] = queue.push({index, 1}, Time() + 1h + index * 1ms);
    }
    std::optional<std::uint32_t> largest(std::size_t bytes_in_hand) {
        const auto found = largest_unfinished(
            queue, kInHand, bytes_in_hand,
            [this](Handle handle, Time deadline) -> std::optional<std::size_t> {
                const auto known = memory.find(handle.index);
                return known != memory.end() && deadlines[handle.index] == deadline
                           ? std::optional(known->second)
                           : std::nullopt;
            });
        return found ? std::optional(found->index) : std::nullopt;
    }
};

TEST_CASE("the sum is that of all texts", "[unfinished]") {
    UnfinishedBytes sum(1000);
    std::string one;
    std::string two;
    sum.keep(one, std::string(600, 'x'));
    CHECK(sum.sum() >= 600);
    CHECK_FALSE(sum.is_too_much());
    sum.keep(two, std::string(600, 'x'));
    CHECK(sum.is_too_much());
    sum.keep(two, {});
    CHECK_FALSE(sum.is_too_much());
    CHECK(sum.take(one) == std::string(600, 'x'));
    CHECK(one.empty());
    CHECK(sum.sum() == 0);
}

TEST_CASE("the largest unfinished request goes", "[unfinished]") {
    Unfinished requests;
    requests.add(1, 10);
    requests.add(2, 300);
    requests.add(3, 200);
    CHECK(requests.largest(100) == 2U);
    requests.memory.erase(2);
    CHECK(requests.largest(100) == 3U);
    CHECK(requests.largest(1000) == std::nullopt); // the one in hand
}

TEST_CASE("of equally large requests the oldest goes, and not the one in hand", "[unfinished]") {
    Unfinished requests;
    for (std::uint32_t index = 1; index <= 5; ++index) {
        requests.add(index, 100);
    }
    CHECK(requests.largest(100) == 1U);
    Unfinished only;
    only.queue.push(kInHand, Time() + 1h);
    only.memory[kInHand.index] = 100;
    CHECK(only.largest(100) == std::nullopt);
}

TEST_CASE("an entry that stands for an earlier wait is none", "[unfinished]") {
    Unfinished requests;
    requests.add(1, 100);
    requests.deadlines[1] = requests.queue.push({1, 1}, Time() + 2h); // it began anew
    CHECK(requests.largest(50) == 1U);
    requests.deadlines[1] += 1s;
    CHECK(requests.largest(50) == std::nullopt);
}

TEST_CASE("a look at very many requests is bounded, and goes on where it ended", "[unfinished]") {
    Unfinished requests;
    const auto count = static_cast<std::uint32_t>(2 * kLooksMax);
    for (std::uint32_t index = 0; index < count; ++index) {
        requests.add(index, index + 1);
    }
    CHECK(requests.largest(0) == count / 2 - 1);
    CHECK(requests.largest(0) == count - 1);
}

TEST_CASE("a stream's input is kept until it is used", "[unfinished]") {
    UnfinishedBytes sum(1000);
    StreamInputs inputs(sum);
    const Handle stream{7, 1};
    CHECK(inputs.take(stream).empty());
    CHECK(inputs.keep(stream, std::string(100, 'x')) >= 100);
    CHECK(sum.sum() >= 100);
    CHECK(inputs.take(stream) == std::string(100, 'x'));
    CHECK(sum.sum() == 0);
    inputs.keep(stream, std::string(100, 'x'));
    inputs.forget(stream);
    CHECK(sum.sum() == 0);
}

TEST_CASE("a stream may say a little that its format has no use for", "[unfinished]") {
    UnfinishedBytes sum(1000);
    StreamInputs inputs(sum);
    const Handle stream{7, 1};
    CHECK(inputs.tolerates(stream, StreamInputs::kUnwantedInputMax));
    CHECK(inputs.tolerates({8, 1}, 1));
    CHECK_FALSE(inputs.tolerates(stream, 1));
    inputs.forget(stream);
    CHECK(inputs.tolerates(stream, 1));
    CHECK(sum.sum() == 0);
}

} // namespace
} // namespace zcomet::webnode::layer::unfinished_test
