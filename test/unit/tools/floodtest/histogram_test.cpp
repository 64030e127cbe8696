// Goal: percentiles equal those of the sorted values, within the buckets' width.
// Method: a sorted vector as the model, values of many magnitudes, a printed seed.
#include "tools/floodtest/histogram.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

namespace histogram_test {

using zcomet::tools::floodtest::Histogram;

namespace {

/// Nearest rank, as the histogram defines it.
std::uint64_t model_percentile(const std::vector<std::uint64_t>& sorted, double percent) {
    const auto rank = std::ceil(percent / 100.0 * static_cast<double>(sorted.size()));
    return sorted[std::max<std::size_t>(static_cast<std::size_t>(rank), 1) - 1];
}

void require_within_one_percent(std::uint64_t got, std::uint64_t wanted) {
    const auto error = std::abs(static_cast<double>(got) - static_cast<double>(wanted));
    REQUIRE(error <= 0.01 * static_cast<double>(wanted));
}

} // namespace

TEST_CASE("an empty histogram has zeros", "[histogram]") {
    const Histogram histogram;
    CHECK(histogram.count() == 0);
    CHECK(histogram.max_ns() == 0);
    CHECK(histogram.percentile_ns(50) == 0);
    CHECK(histogram.percentile_ns(100) == 0);
}

TEST_CASE("one value is every percentile", "[histogram]") {
    const auto value =
        GENERATE(as<std::uint64_t>{}, 0, 1, 63, 64, 65, 127, 128, 1'000'000, 60'000'000'000);
    Histogram histogram;
    histogram.record(value);
    CHECK(histogram.count() == 1);
    CHECK(histogram.percentile_ns(0) == value);
    CHECK(histogram.percentile_ns(99) == value);
    CHECK(histogram.percentile_ns(100) == value);
}

TEST_CASE("small values are exact", "[histogram]") {
    Histogram histogram;
    for (std::uint64_t value = 0; value < 100; ++value) {
        histogram.record(value);
    }
    CHECK(histogram.percentile_ns(1) == 0);
    CHECK(histogram.percentile_ns(50) == 49);
    CHECK(histogram.percentile_ns(100) == 99);
}

TEST_CASE("values beyond the bound count, and the largest stays exact", "[histogram]") {
    Histogram histogram;
    histogram.record(5);
    histogram.record(~std::uint64_t{0});
    histogram.record(Histogram::kValueMax);
    CHECK(histogram.count() == 3);
    CHECK(histogram.max_ns() == ~std::uint64_t{0});
    CHECK(histogram.percentile_ns(1) == 5);
    require_within_one_percent(histogram.percentile_ns(60), Histogram::kValueMax);
}

TEST_CASE("percentiles agree with the sorted values", "[histogram][property]") {
    const auto seed = GENERATE(take(20, random(0U, ~0U)));
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> magnitude(0, std::log2(3e11)); // up to five minutes
    const std::size_t count = 1 + random() % 5000;
    Histogram histogram;
    std::vector<std::uint64_t> values;
    for (std::size_t i = 0; i < count; ++i) {
        values.push_back(static_cast<std::uint64_t>(std::exp2(magnitude(random))));
        histogram.record(values.back());
    }
    std::sort(values.begin(), values.end());
    CHECK(histogram.count() == count);
    CHECK(histogram.max_ns() == values.back());
    for (const double percent : {0.0, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
        INFO("percent " << percent);
        require_within_one_percent(histogram.percentile_ns(percent),
                                   model_percentile(values, percent));
    }
}

TEST_CASE("merged histograms are as one that counted everything", "[histogram]") {
    std::mt19937_64 random(7);
    Histogram first;
    Histogram second;
    Histogram both;
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t value = random() >> (random() % 64);
        (i % 3 == 0 ? first : second).record(value);
        both.record(value);
    }
    first.merge(second);
    CHECK(first.count() == both.count());
    CHECK(first.max_ns() == both.max_ns());
    for (int halves = 0; halves <= 200; ++halves) {
        const double percent = halves / 2.0;
        REQUIRE(first.percentile_ns(percent) == both.percentile_ns(percent));
    }
}

} // namespace histogram_test
