#include "topology/metrics/metric.hpp"

#include <catch2/catch.hpp>

namespace metric_test {

using namespace zcomet::metrics;

namespace {

enum class Fruit : std::uint8_t { kApples, kPears, kCount };

} // namespace

TEST_CASE("a table has a row for each value of its enum, in its order", "[metric]") {
    constexpr std::array kWhole{counter(Fruit::kApples, "apples", "apples eaten"),
                                gauge(Fruit::kPears, "pears", "pears left")};
    STATIC_REQUIRE(is_table_of<Fruit>(kWhole));
    constexpr std::array kTurned{kWhole[1], kWhole[0]};
    STATIC_REQUIRE_FALSE(is_table_of<Fruit>(kTurned));
    constexpr std::array kShort{kWhole[0]};
    STATIC_REQUIRE_FALSE(is_table_of<Fruit>(kShort));
}

TEST_CASE("each row has a name of its own, and says what it means", "[metric]") {
    constexpr std::array kTwins{counter(Fruit::kApples, "apples", "apples eaten"),
                                gauge(Fruit::kPears, "apples", "pears left")};
    STATIC_REQUIRE_FALSE(is_table_of<Fruit>(kTwins));
    constexpr std::array kSilent{counter(Fruit::kApples, "apples", "apples eaten"),
                                 gauge(Fruit::kPears, "pears", "")};
    STATIC_REQUIRE_FALSE(is_table_of<Fruit>(kSilent));
}

TEST_CASE("a metric's name suits every format", "[metric]") {
    STATIC_REQUIRE(is_metric_name("responses_2xx"));
    STATIC_REQUIRE_FALSE(is_metric_name(""));
    STATIC_REQUIRE_FALSE(is_metric_name("2xx"));
    STATIC_REQUIRE_FALSE(is_metric_name("Apples"));
    STATIC_REQUIRE_FALSE(is_metric_name("apples-eaten"));
}

} // namespace metric_test
