#include "topology/metrics/json.hpp"
#include "topology/metrics/snapshot.hpp"

#include <catch2/catch.hpp>

namespace snapshot_test {

using namespace zcomet::metrics;

namespace {

enum class Fruit : std::uint8_t { kApples, kPears, kCount };

constexpr std::array kTable{counter(Fruit::kApples, "apples", "apples eaten"),
                            gauge(Fruit::kPears, "pears", "pears left")};
constexpr Metric kAge{.name = "age_ms", .help = "age", .unit = Unit::kMilliseconds};

Subject basket(std::uint64_t apples, std::uint64_t pears) {
    Counters<Fruit> counters;
    counters.set(Fruit::kApples, apples);
    counters.set(Fruit::kPears, pears);
    Subject subject;
    subject.figures = {{&kAge, 7}, {&kTable[1], pears}};
    append(subject.counters, counters, kTable);
    return subject;
}

} // namespace

TEST_CASE("the samples of several subjects are added sample by sample", "[snapshot]") {
    Subject total;
    add_to(total, basket(1, 2));
    add_to(total, basket(3, 4));
    REQUIRE(total.counters.size() == 2);
    CHECK(total.counters[0].value == 4);
    CHECK(total.counters[1].value == 6);
    CHECK(total.figures[0].value == 14);
}

TEST_CASE("a format sees each metric of a subject once", "[snapshot]") {
    std::vector<std::string_view> names;
    for_each_sample(basket(1, 2),
                    [&names](const Sample& sample) { names.push_back(sample.metric->name); });
    CHECK(names == std::vector<std::string_view>{"age_ms", "pears", "apples"});
}

TEST_CASE("a program without workers is one object", "[snapshot][json]") {
    Snapshot snapshot;
    snapshot.program = basket(1, 2);
    snapshot.program.labels = {{"name", "b\"1"}, {"pid", std::int64_t{-1}}};
    CHECK(to_json(snapshot, JsonLayout::kOneLine) ==
          R"({"name":"b\"1","pid":-1,"age_ms":7,"pears":2,"counters":{"apples":1,"pears":2}})");
}

TEST_CASE("a program with workers shows each, and their sums", "[snapshot][json]") {
    Snapshot snapshot;
    snapshot.program.labels = {{"name", "w"}};
    snapshot.workers = {basket(1, 2)};
    snapshot.workers[0].labels = {{"name", "w/1"}};
    snapshot.totals = basket(1, 2);
    CHECK(to_json(snapshot, JsonLayout::kLines) == R"({
  "name": "w",
  "workers": [
    {
      "name": "w/1",
      "age_ms": 7,
      "pears": 2,
      "counters": {
        "apples": 1,
        "pears": 2
      }
    }
  ],
  "totals": {
    "age_ms": 7,
    "pears": 2,
    "counters": {
      "apples": 1,
      "pears": 2
    }
  }
})");
}

TEST_CASE("a name that is not UTF-8 does not spoil the page", "[snapshot][json]") {
    Snapshot snapshot;
    snapshot.program.labels = {{"name", "\xFF"}};
    CHECK(to_json(snapshot, JsonLayout::kOneLine) == "{\"name\":\"\xEF\xBF\xBD\"}");
}

} // namespace snapshot_test
