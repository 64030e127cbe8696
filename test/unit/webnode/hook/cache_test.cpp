// Goal: an answer is used again for its time, the oldest goes first, and both bounds hold.
#include "webnode/hook/cache.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <string>

namespace zcomet::webnode::hook {
namespace {

constexpr Time kStart = Time() + 1h;

CacheKey key(int number) {
    return crypto::sha256(std::to_string(number));
}

std::shared_ptr<const Decision> lasting(std::chrono::seconds age, std::size_t bytes = 0) {
    return std::make_shared<const Decision>(Decision{.kind = Decision::Kind::kRefused,
                                                     .status = 403,
                                                     .challenge = std::string(bytes, 'x'),
                                                     .max_age = age});
}

TEST_CASE("an answer lasts for its time", "[hook]") {
    Cache cache;
    cache.add(key(1), lasting(10s), kStart);
    cache.add(key(2), lasting(0s), kStart);
    CHECK(cache.find(key(1), kStart + 9s) != nullptr);
    CHECK(cache.find(key(2), kStart) == nullptr);
    CHECK(cache.find(key(1), kStart + 10s) == nullptr);
    CHECK(cache.size() == 0);
    CHECK(cache.bytes() == 0);
    cache.add(key(1), lasting(10s), kStart);
    cache.add(key(1), lasting(0s), kStart); // the newer answer is not to be used again
    CHECK(cache.find(key(1), kStart) == nullptr);
    cache.add(key(1), lasting(10s), kStart);
    cache.clear();
    CHECK(cache.find(key(1), kStart) == nullptr);
    CHECK(cache.bytes() == 0);
}

TEST_CASE("the oldest answer goes", "[hook]") {
    Cache cache(2);
    cache.add(key(1), lasting(10s), kStart);
    cache.add(key(2), lasting(10s), kStart);
    cache.add(key(1), lasting(10s), kStart); // is the newest now
    cache.add(key(3), lasting(10s), kStart);
    CHECK(cache.find(key(2), kStart) == nullptr);
    CHECK(cache.find(key(1), kStart) != nullptr);
    CHECK(cache.find(key(3), kStart) != nullptr);
}

TEST_CASE("property: the bounds hold, and no answer is another's", "[hook]") {
    constexpr std::size_t kBytesMax = 20'000;
    Cache cache(50, kBytesMax);
    std::minstd_rand random(7);
    std::map<int, const Decision*> model;
    Time now = kStart;
    for (int step = 0; step < 20'000; ++step) {
        now += std::chrono::milliseconds(random() % 200);
        const int number = static_cast<int>(random() % 120);
        if (random() % 2 == 0) {
            const auto decision = lasting(std::chrono::seconds(random() % 20), random() % 1000);
            cache.add(key(number), decision, now);
            model[number] = decision.get();
        } else if (const auto found = cache.find(key(number), now)) {
            REQUIRE(found.get() == model.at(number));
        }
        REQUIRE(cache.size() <= 50);
        REQUIRE(cache.bytes() <= kBytesMax);
    }
}

} // namespace
} // namespace zcomet::webnode::hook
