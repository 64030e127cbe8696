// Goal: the table of keys knows what a plain map would, forgets the oldest first, and gives its
// memory back.
#include "broker/table/message_keys.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <deque>
#include <map>
#include <random>

namespace message_keys_test {

using namespace zcomet;
using namespace zcomet::broker::table;

namespace {

const Time kStart = Time{} + 1h;

MessageKey key_of(std::uint64_t number) {
    MessageKey key{};
    std::memcpy(key.data(), &number, sizeof(number));
    return key;
}

} // namespace

TEST_CASE("a key is known once it was added", "[message_keys]") {
    MessageKeys keys;
    CHECK(keys.find(key_of(1)) == nullptr);
    CHECK(keys.memory_bytes() < 100);
    keys.add(key_of(1), kStart).nodes = 7;
    CHECK(keys.find(key_of(2)) == nullptr);
    REQUIRE(keys.find(key_of(1)) != nullptr);
    CHECK(keys.find(key_of(1))->nodes == 7);
    CHECK(keys.size() == 1);
}

TEST_CASE("keys are forgotten once they are old, and their memory is given back",
          "[message_keys]") {
    MessageKeys keys;
    CHECK(keys.due() == kNever);
    for (std::uint64_t number = 0; number < 10'000; ++number) {
        keys.add(key_of(number), kStart + std::chrono::milliseconds(number));
    }
    CHECK_FALSE(keys.expire(kStart + MessageKeys::kAge, 100'000));
    CHECK(keys.size() == 10'000); // at least that old
    const Time old = kStart + 5s + MessageKeys::kAge;
    CHECK(keys.due() <= old);
    CHECK(keys.expire(old, 1000)); // there are more
    CHECK(keys.size() == 9000);
    CHECK(keys.find(key_of(999)) == nullptr);
    CHECK(keys.find(key_of(1000)) != nullptr);
    CHECK_FALSE(keys.expire(old, 100'000));
    CHECK(keys.size() >= 5000);
    CHECK(keys.due() > old);
    const std::size_t bytes = keys.memory_bytes();
    while (keys.expire(old + 1h, 1000)) {
    }
    CHECK(keys.size() == 0);
    CHECK(keys.due() == kNever);
    CHECK(keys.memory_bytes() < bytes / 4);
    keys.add(key_of(1), kStart);
    CHECK(keys.find(key_of(1)) != nullptr);
}

TEST_CASE("a full table forgets the oldest key", "[message_keys]") {
    MessageKeys keys(4);
    for (std::uint64_t number = 0; number < 6; ++number) {
        keys.add(key_of(number), kStart);
    }
    CHECK(keys.size() == 4);
    CHECK(keys.find(key_of(1)) == nullptr);
    CHECK(keys.find(key_of(2)) != nullptr);
    CHECK(keys.find(key_of(5)) != nullptr);
}

TEST_CASE("whatever is added and forgotten, the table knows what a map does",
          "[message_keys][property]") {
    constexpr unsigned kSeed = 20081023;
    std::mt19937 random(kSeed);
    INFO("seed " << kSeed);
    constexpr std::uint32_t kMost = 64; // half of the slots: keys meet in them
    MessageKeys keys(kMost);
    std::map<std::uint64_t, std::uint64_t> model;
    std::deque<std::pair<std::uint64_t, Time>> ages;
    Time now = kStart;
    const auto forget = [&] {
        model.erase(ages.front().first);
        ages.pop_front();
    };
    for (int step = 0; step < 50'000; ++step) {
        const std::uint64_t number = random() % 200;
        const KeyedMessage* const found = keys.find(key_of(number));
        REQUIRE((found != nullptr) == (model.count(number) == 1));
        if (found != nullptr) {
            REQUIRE(found->content == model[number]);
        } else if (random() % 2 == 0) {
            if (model.size() == kMost) {
                forget();
            }
            keys.add(key_of(number), now).content = static_cast<std::uint64_t>(step);
            model[number] = static_cast<std::uint64_t>(step);
            ages.emplace_back(number, now);
        }
        now += std::chrono::seconds(random() % 30);
        if (random() % 8 == 0) {
            const std::size_t most = random() % 10;
            static_cast<void>(keys.expire(now, most));
            for (std::size_t n = 0;
                 n < most && !ages.empty() && ages.front().second + MessageKeys::kAge + 1s <= now;
                 ++n) {
                forget();
            }
        }
        REQUIRE(keys.size() == model.size());
    }
}

} // namespace message_keys_test
