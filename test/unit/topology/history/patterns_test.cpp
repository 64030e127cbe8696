// Which ids a pattern fits, against a simple reference.
#include "topology/history/patterns.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>

namespace patterns_test {

using namespace zcomet::history;

namespace {

bool matches_slowly(std::string_view pattern, std::string_view id) {
    if (pattern.empty()) {
        return id.empty();
    }
    if (pattern[0] == '*') {
        return matches_slowly(pattern.substr(1), id) ||
               (!id.empty() && matches_slowly(pattern, id.substr(1)));
    }
    return !id.empty() && (pattern[0] == '?' || pattern[0] == id[0]) &&
           matches_slowly(pattern.substr(1), id.substr(1));
}

} // namespace

TEST_CASE("patterns fit ids", "[patterns]") {
    CHECK(matches("*", "anything"));
    CHECK(matches("chat.*", "chat."));
    CHECK(matches("chat.*", "chat.7"));
    CHECK_FALSE(matches("chat.*", "chat"));
    CHECK(matches("*.7", "chat.7"));
    CHECK(matches("a*b*c", "aXbYbZc"));
    CHECK_FALSE(matches("a*b*c", "aXbYbZ"));
    CHECK(matches("?", "x"));
    CHECK_FALSE(matches("?", "xy"));
    CHECK(matches("id", "id"));
}

TEST_CASE("property: as the reference has it", "[patterns]") {
    std::minstd_rand random(7);
    for (int i = 0; i < 20'000; ++i) {
        std::string pattern;
        std::string id;
        for (auto n = random() % 7; n > 0; --n) {
            pattern += "ab*?"[random() % 4];
        }
        for (auto n = random() % 9; n > 0; --n) {
            id += "ab"[random() % 2];
        }
        INFO(pattern << " and " << id);
        REQUIRE(matches(pattern, id) == matches_slowly(pattern, id));
    }
}

TEST_CASE("a pattern that would take for ever takes no time", "[patterns]") {
    const std::string pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
    CHECK_FALSE(matches(pattern, std::string(64, 'a')));
}

TEST_CASE("the first pattern counts, and a text has them all", "[patterns]") {
    const Patterns patterns({"chat.vip", "chat.*", "user:?"});
    CHECK(patterns.find("chat.vip") == 0);
    CHECK(patterns.find("chat.7") == 1);
    CHECK(patterns.find("user:7") == 2);
    CHECK(patterns.find("user:77") == Patterns::kNone);
    const Patterns again = Patterns::from_text(patterns.text());
    CHECK(again.find("user:7") == 2);
    CHECK(Patterns::from_text("").empty());
    CHECK(Patterns::from_text("a  b").empty());
    CHECK(Patterns::from_text("a/b").empty());
}

TEST_CASE("a pattern has characters of ids", "[patterns]") {
    CHECK(why_no_pattern("chat.*").empty());
    CHECK_FALSE(why_no_pattern("").empty());
    CHECK_FALSE(why_no_pattern("a b").empty());
    CHECK_FALSE(why_no_pattern(std::string(65, '*')).empty());
}

} // namespace patterns_test
