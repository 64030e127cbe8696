#include "topology/feed/seen_messages.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

namespace seen_messages_test {

using namespace zcomet;
using namespace zcomet::feed;

TEST_CASE("a message is new once", "[seen_messages]") {
    SeenMessages seen;
    CHECK(seen.add({1, 1}));
    CHECK_FALSE(seen.add({1, 1}));
    CHECK(seen.add({2, 1})); // another sender's
    CHECK(seen.add({1, 5}));
    CHECK(seen.add({1, 3})); // it had gone elsewhere the first time
    CHECK_FALSE(seen.add({1, 3}));
    CHECK_FALSE(seen.add({1, 5}));
}

TEST_CASE("places in the window are used again", "[seen_messages]") {
    constexpr std::uint64_t kWindow = wire::kUnacknowledgedMax;
    SeenMessages seen;
    CHECK(seen.add({1, 7}));
    CHECK(seen.add({1, 7 + kWindow}));
    CHECK(seen.add({1, 8}));
    CHECK_FALSE(seen.add({1, 7}));
    CHECK(seen.add({1, 100 * kWindow}));
    CHECK(seen.add({1, 100 * kWindow - 1}));
    CHECK_FALSE(seen.add({1, 100 * kWindow}));
}

TEST_CASE("numbers may jump by any amount, up to the largest", "[seen_messages]") {
    constexpr std::uint64_t kLargest = UINT64_MAX;
    SeenMessages seen;
    SECTION("at once") {
        CHECK(seen.add({1, kLargest}));
    }
    SECTION("from the first number") {
        CHECK(seen.add({1, 1}));
        CHECK(seen.add({1, kLargest}));
        CHECK_FALSE(seen.add({1, 1}));
    }
    SECTION("step by step") {
        CHECK(seen.add({1, kLargest - 100}));
        CHECK(seen.add({1, kLargest - 1}));
        CHECK(seen.add({1, kLargest}));
        CHECK(seen.add({1, kLargest - 64}));
        CHECK_FALSE(seen.add({1, kLargest - 100}));
        CHECK_FALSE(seen.add({1, kLargest - 1}));
    }
    CHECK_FALSE(seen.add({1, kLargest}));
    CHECK(seen.add({1, kLargest - 2}));
    CHECK(seen.add({1, kLargest - wire::kUnacknowledgedMax + 1}));
    CHECK_FALSE(seen.add({1, kLargest - wire::kUnacknowledgedMax + 1}));
}

TEST_CASE("a number that jumps hides no message", "[seen_messages]") {
    constexpr std::uint64_t kForged = std::uint64_t{1} << 63U;
    SeenMessages seen;
    for (std::uint64_t number = 1; number <= 100'000; ++number) {
        REQUIRE(seen.add({1, number}));
        if (number == 50'000) {
            REQUIRE(seen.add({1, kForged}));
        }
        if (number > wire::kUnacknowledgedMax) { // what may be repeated is known, jump or not
            REQUIRE_FALSE(seen.add({1, number - wire::kUnacknowledgedMax + 1}));
        }
    }
}

TEST_CASE("a jump forgets no number of the window", "[seen_messages]") {
    constexpr std::uint64_t kWindow = wire::kUnacknowledgedMax;
    const auto jump =
        GENERATE(values<std::uint64_t>({1, 2, 63, 64, 65, 127, 128, 1000, 32'703, 32'704, 32'767,
                                        wire::kUnacknowledgedMax, wire::kUnacknowledgedMax + 1}));
    SeenMessages seen;
    for (std::uint64_t number = 1; number <= kWindow + 50; ++number) {
        REQUIRE(seen.add({1, number}));
    }
    const std::uint64_t highest = kWindow + 50 + jump;
    REQUIRE(seen.add({1, highest}));
    for (std::uint64_t number = highest - kWindow + 1; number <= highest; ++number) {
        const bool was_shown = number <= kWindow + 50 || number == highest;
        REQUIRE(seen.add({1, number}) == !was_shown);
    }
}

TEST_CASE("the window agrees with a set that forgets nothing", "[seen_messages]") {
    std::mt19937_64 random(1);
    SeenMessages seen;
    std::set<std::uint64_t> model;
    std::uint64_t newest = 1;
    for (std::uint64_t step = 0; step < 200'000; ++step) {
        newest += random() % 4 == 0 ? random() % 300 : 0;
        const std::uint64_t back =
            random() % std::min<std::uint64_t>(newest, 2 * step % 32'768 + 1);
        const std::uint64_t number = newest - std::min(back, newest - 1);
        REQUIRE(seen.add({9, number}) == model.insert(number).second);
    }
}

TEST_CASE("senders that were not heard for long are forgotten, the others are not",
          "[seen_messages]") {
    SeenMessages seen;
    for (std::uint64_t sender = 1; sender <= SeenMessages::kSendersMax; ++sender) {
        CHECK(seen.add({sender, 1}));
    }
    CHECK_FALSE(seen.add({1, 1}));
    CHECK(seen.add({1'000'000, 1}));
    CHECK(seen.senders() == SeenMessages::kSendersMax);
    CHECK_FALSE(seen.add({1, 1}));
    CHECK(seen.add({2, 1})); // the one heard longest ago
}

} // namespace seen_messages_test
