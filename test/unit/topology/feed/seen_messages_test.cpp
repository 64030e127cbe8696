#include "topology/feed/seen_messages.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

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
    CHECK_FALSE(seen.add({1, 7})); // too old to be told from one that was shown
    CHECK(seen.add({1, 100 * kWindow}));
    CHECK(seen.add({1, 100 * kWindow - 1}));
    CHECK_FALSE(seen.add({1, 100 * kWindow}));
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
