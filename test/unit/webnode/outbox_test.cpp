// Goal: bytes leave an Outbox in the order they came.
#include "webnode/outbox.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace zcomet {
namespace {

TEST_CASE("an outbox gives back what it was given", "[outbox]") {
    Outbox outbox;
    CHECK(outbox.empty());
    outbox.append("hello ");
    outbox.append("world");
    CHECK(outbox.front() == "hello world");
    outbox.consume(3);
    CHECK(outbox.front() == "lo world");
    outbox.consume(8);
    CHECK(outbox.empty());
}

TEST_CASE("property: an outbox behaves as a string", "[outbox]") {
    const auto seed = 7U;
    CAPTURE(seed);
    std::mt19937 random(seed);
    Outbox outbox;
    std::string model;
    for (int step = 0; step < 20'000; ++step) {
        CAPTURE(step);
        if (random() % 2 == 0) {
            const std::string bytes(random() % 60, static_cast<char>('a' + step % 26));
            outbox.append(bytes);
            model += bytes;
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
