// What --history takes.
#include "broker/history/rules.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <tuple>

namespace rules_test {

using namespace zcomet;
using namespace zcomet::broker::history;

TEST_CASE("a rule is a pattern, a count and an age", "[rules]") {
    const auto [text, count, age] = GENERATE(
        values<std::tuple<std::string, std::uint32_t, Duration>>({{"chat.*=100,5m", 100, 5min},
                                                                  {"*=1,90", 1, 90s},
                                                                  {"a=10000,30d", 10'000, 30 * 24h},
                                                                  {"user:?=2,2h", 2, 2h},
                                                                  {"x=3,1s", 3, 1s}}));
    std::string why;
    const auto rule = read_rule(text, why);
    REQUIRE(rule);
    CHECK(rule->count_max == count);
    CHECK(rule->age_max == age);
}

TEST_CASE("anything else is refused with a sentence", "[rules]") {
    const auto text = GENERATE(as<std::string>(), "", "chat", "chat=100", "chat,100", "=1,1s",
                               "a b=1,1s", "a=0,1s", "a=10001,1s", "a=x,1s", "a=1,", "a=1,0s",
                               "a=1,x", "a=1,31d", "a=1,99999999d", "a=-1,1s", "a=1,1w");
    std::string why;
    CHECK_FALSE(read_rule(text, why));
    CHECK_FALSE(why.empty());
}

} // namespace rules_test
