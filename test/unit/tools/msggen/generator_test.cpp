// Goal: the generators keep their pace exactly and send what the options ask for.
// Method: the test's own clock; the pace is compared with that of separate generators.
#include "tools/msggen/generator.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace generator_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::msggen;

namespace {

const Time kStart = Time{} + 1h;

std::vector<std::string> texts(const GeneratorOptions& options, std::uint64_t realtime_ns = 0) {
    Generator generator(options, kStart);
    std::vector<std::string> all;
    while (!generator.finished()) {
        all.emplace_back(generator.next(realtime_ns).text);
    }
    return all;
}

std::vector<std::string> ids(const GeneratorOptions& options) {
    Generator generator(options, kStart);
    std::vector<std::string> all;
    while (!generator.finished()) {
        all.emplace_back(generator.next(0).id);
    }
    return all;
}

} // namespace

TEST_CASE("one generator sends at each multiple of its interval", "[generator]") {
    Generator generator({.count = 3, .interval = 10ms}, kStart);
    CHECK(generator.due() == kStart);
    CHECK(generator.next(0).text == "Fake message Num = 1");
    CHECK(generator.due() == kStart + 10ms);
    CHECK_FALSE(generator.next(0).last);
    CHECK(generator.due() == kStart + 20ms);
    CHECK(generator.next(0).last);
    CHECK(generator.finished());
    CHECK(generator.due() == kNever);
}

TEST_CASE("no message is larger than was said before", "[generator]") {
    const std::string sender = GENERATE("", "0123456789abcdef");
    const std::string message = GENERATE("", "x", "a longer message than the others are");
    const std::size_t size_bytes = GENERATE(0U, 10U, 500U);
    Generator generator({.count = 3,
                         .id_max = UINT64_MAX / 2,
                         .generators = 2,
                         .message = message,
                         .size_bytes = size_bytes,
                         .stamp = GENERATE(false, true),
                         .sender = sender},
                        kStart);
    const std::size_t bytes_max = generator.message_bytes_max();
    while (!generator.finished()) {
        const GeneratedMessage made = generator.next(UINT64_MAX);
        CHECK(made.id.size() + made.text.size() <= bytes_max);
    }
}

TEST_CASE("each of many generators keeps its pace, whatever their number", "[generator]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int run = 0; run < 50; ++run) {
        const GeneratorOptions options{
            .count = 1 + random() % 20,
            .interval = Duration(random() % 1'000'000'007),
            .id_max = 1 + random() % 1000,
            .generators = 1 + static_cast<std::uint32_t>(random() % 300),
        };
        CAPTURE(options.count, options.interval.count(), options.generators);
        // The model: each generator by itself, then sorted by time.
        std::vector<std::pair<Time, std::uint32_t>> expected;
        for (std::uint32_t g = 0; g < options.generators; ++g) {
            for (std::uint64_t k = 0; k < options.count; ++k) {
                expected.emplace_back(kStart + options.interval * static_cast<std::int64_t>(k) +
                                          options.interval * g / options.generators,
                                      g + 1);
            }
        }
        std::stable_sort(expected.begin(), expected.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        if (options.interval == Duration::zero()) {
            continue; // all at once: any order is right
        }
        Generator generator(options, kStart);
        std::map<std::uint32_t, std::uint64_t> made;
        for (const auto& [due, number] : expected) {
            REQUIRE(generator.due() == due);
            const GeneratedMessage message = generator.next(0);
            REQUIRE(message.generator == number);
            REQUIRE(message.text == "Fake message Num = " + std::to_string(++made[number]));
            REQUIRE(message.last == (made[number] == options.count));
            REQUIRE(message.id_number >= 1);
            REQUIRE(message.id_number <= options.id_max);
            REQUIRE(message.id == std::to_string(message.id_number));
        }
        REQUIRE(generator.finished());
    }
}

TEST_CASE("there is no drift over the original's 27 hours", "[generator]") {
    Generator generator({.count = 1'000'000, .interval = 100ms, .id_max = 10'000}, kStart);
    for (int i = 1; i < 1'000'000; ++i) {
        static_cast<void>(generator.next(0));
    }
    CHECK(generator.due() == kStart + 999'999 * 100ms);
}

TEST_CASE("an interval of 0 makes every message due from the start", "[generator]") {
    Generator generator({.count = 5, .generators = 3}, kStart);
    for (int i = 0; i < 15; ++i) {
        CHECK(generator.due() == kStart);
        static_cast<void>(generator.next(0));
    }
    CHECK(generator.finished());
}

TEST_CASE("the longest interval and the most generators do not overflow", "[generator]") {
    Generator generator(
        {.count = 1, .interval = kGeneratorIntervalMax, .generators = kGeneratorsMax}, kStart);
    for (std::uint32_t i = 1; i < kGeneratorsMax; ++i) {
        static_cast<void>(generator.next(0));
    }
    CHECK(generator.due() > kStart);
    CHECK(generator.due() < kStart + kGeneratorIntervalMax);
}

TEST_CASE("the same seed draws the same ids, another seed others", "[generator]") {
    const GeneratorOptions options{.count = 100, .id_max = 1000, .generators = 3, .seed = 42};
    GeneratorOptions other = options;
    other.seed = 43;
    CHECK(ids(options) == ids(options));
    CHECK(ids(options) != ids(other));
    // The draws of a --seed are a promise from release to release.
    CHECK(ids({.count = 5, .id_max = 5, .seed = 1}) ==
          std::vector<std::string>{"4", "3", "1", "2", "5"});
}

TEST_CASE("ids are drawn evenly", "[generator]") {
    std::map<std::string, int> drawn;
    for (const std::string& id : ids({.count = 50'000, .id_max = 5, .seed = 7})) {
        ++drawn[id];
    }
    REQUIRE(drawn.size() == 5);
    for (const auto& [id, count] : drawn) {
        CAPTURE(id);
        CHECK(count > 9'600); // 10,000 ± 4.5 standard deviations
        CHECK(count < 10'400);
    }
}

TEST_CASE("ids may begin with a number other than 1", "[generator]") {
    std::vector<std::string> drawn = ids({.count = 300, .id_max = 3, .id_first = 998, .seed = 1});
    std::sort(drawn.begin(), drawn.end());
    drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
    CHECK(drawn == std::vector<std::string>{"1000", "998", "999"});
}

TEST_CASE("a given message replaces the text", "[generator]") {
    CHECK(texts({.count = 2, .message = "hello"}) == std::vector<std::string>{"hello", "hello"});
}

TEST_CASE("a stamp ends the message", "[generator]") {
    CHECK(texts({.count = 1, .stamp = true}, 1'790'000'000'123'456'789) ==
          std::vector<std::string>{"Fake message Num = 1 ts=1790000000123456789"});
}

TEST_CASE("messages are padded to the size, and never cut", "[generator]") {
    const bool stamp = GENERATE(false, true);
    CAPTURE(stamp);
    const std::size_t bare =
        texts({.count = 1, .stamp = stamp}, 1'790'000'000'123'456'789)[0].size();
    for (const std::size_t size :
         {std::size_t{1}, bare - 1, bare, bare + 1, bare + 2, std::size_t{65'536}}) {
        CAPTURE(size);
        const std::string text =
            texts({.count = 1, .size_bytes = size, .stamp = stamp}, 1'790'000'000'123'456'789)[0];
        CHECK(text.size() == std::max(size, bare));
        CHECK(text.starts_with("Fake message Num = 1"));
        CHECK((text.find(" ts=1790000000123456789") != std::string::npos) == stamp);
    }
}

TEST_CASE("a tag has a message's sender and number", "[generator]") {
    CHECK(texts({.count = 2, .generators = 2, .message = "hi", .sender = "me"}) ==
          std::vector<std::string>{"hi by=me/1", "hi by=me/2", "hi by=me/3", "hi by=me/4"});
    CHECK(texts({.count = 1, .message = "hi", .size_bytes = 20, .stamp = true, .sender = "me"},
                5) == std::vector<std::string>{"hi xxxx by=me/1 ts=5"});
    Generator generator({.count = 2, .generators = 2, .sender = "me"}, kStart);
    for (std::uint64_t number = 1; number <= 4; ++number) {
        CHECK(generator.next(0).number == number);
    }
}

} // namespace generator_test
