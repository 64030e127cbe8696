// Goal: bytes leave an Outbox in the order they came, and never more than the limit wait in it.
#include "webnode/outbox.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace zcomet {
namespace {

TEST_CASE("an outbox gives back what it was given", "[outbox]") {
    Outbox outbox;
    CHECK(outbox.empty());
    REQUIRE(outbox.append("hello ", 100));
    REQUIRE(outbox.append("world", 100));
    CHECK(outbox.front() == "hello world");
    outbox.consume(3);
    CHECK(outbox.front() == "lo world");
    outbox.consume(8);
    CHECK(outbox.empty());
}

TEST_CASE("the limit counts what waits, not what is gone", "[outbox]") {
    Outbox outbox;
    REQUIRE(outbox.append("12345", 5));
    CHECK_FALSE(outbox.append("6", 5));
    CHECK(outbox.front() == "12345");
    outbox.consume(1);
    CHECK(outbox.append("6", 5));
    CHECK(outbox.front() == "23456");
    CHECK_FALSE(outbox.append("7", 0));
    CHECK_FALSE(outbox.append(std::string(6, 'x'), 5));
}

TEST_CASE("property: an outbox behaves as a bounded string", "[outbox]") {
    const auto seed = 7U;
    CAPTURE(seed);
    std::mt19937 random(seed);
    Outbox outbox;
    std::string model;
    constexpr std::size_t kLimit = 300;
    for (int step = 0; step < 20'000; ++step) {
        CAPTURE(step);
        if (random() % 2 == 0) {
            const std::string bytes(random() % 60, static_cast<char>('a' + step % 26));
            const bool fits = model.size() + bytes.size() <= kLimit;
            REQUIRE(outbox.append(bytes, kLimit) == fits);
            model += fits ? bytes : "";
        } else {
            const std::size_t count = random() % (model.size() + 1);
            outbox.consume(count);
            model.erase(0, count);
        }
        REQUIRE(outbox.front() == model);
        REQUIRE(outbox.size() == model.size());
    }
}

} // namespace
} // namespace zcomet
