// Which brokers know an id.
#include "topology/cluster/placement.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace placement_test {

using namespace zcomet;
using namespace zcomet::cluster;

namespace {

constexpr std::size_t kIds = 20'000;

/// Whether a measured share is within 0.02 of what is expected. (Approx is in other namespaces in
/// Catch2 3.)
bool is_near(double share, double expected) {
    return std::abs(share - expected) < 0.02;
}

std::string id_of(std::size_t n) {
    return "user-" + std::to_string(n);
}

std::vector<std::string> names_of(const std::vector<PlacedBroker>& brokers,
                                  const Placement& placement, std::string_view id) {
    std::vector<std::string> names;
    for (const std::size_t broker : placement.brokers_of(id)) {
        names.push_back(brokers[broker].name);
    }
    return names;
}

} // namespace

TEST_CASE("a single broker knows every id", "[placement]") {
    const Placement placement;
    CHECK(placement.replicas() == 1);
    const BrokerNumbers brokers = placement.brokers_of("a");
    REQUIRE(brokers.size() == 1);
    CHECK(brokers.front() == 0);
    CHECK(placement.serves(0, {}, "a"));
}

TEST_CASE("the order of the list changes nothing", "[placement]") {
    std::vector<PlacedBroker> brokers{{"a"}, {"b", 3}, {"c"}, {"d", 2}};
    const Placement placement(brokers, 3);
    const std::vector<PlacedBroker> turned(brokers.rbegin(), brokers.rend());
    const Placement other(turned, 3);
    for (std::size_t n = 0; n < 1000; ++n) {
        CHECK(names_of(brokers, placement, id_of(n)) == names_of(turned, other, id_of(n)));
    }
}

TEST_CASE("each id has as many brokers as wanted, and each once", "[placement]") {
    const Placement placement({{"a"}, {"b"}, {"c"}}, 2);
    CHECK(placement.replicas() == 2);
    for (std::size_t n = 0; n < 1000; ++n) {
        const BrokerNumbers brokers = placement.brokers_of(id_of(n));
        REQUIRE(brokers.size() == 2);
        CHECK(*brokers.begin() != *(brokers.begin() + 1));
        CHECK(brokers.contains(brokers.front()));
    }
    CHECK(Placement({{"a"}, {"b"}}, 4).replicas() == 2);
}

TEST_CASE("ids are shared out by weight", "[placement]") {
    const std::vector<PlacedBroker> brokers{{"a", 1}, {"b", 2}, {"c", 1}};
    const Placement placement(brokers, 1);
    std::array<double, 3> share{};
    for (std::size_t n = 0; n < kIds; ++n) {
        share[placement.brokers_of(id_of(n)).front()] += 1.0 / kIds;
    }
    CHECK(is_near(share[0], 0.25));
    CHECK(is_near(share[1], 0.5));
    CHECK(is_near(share[2], 0.25));
}

TEST_CASE("one more broker moves only the ids that it gets", "[placement]") {
    std::vector<PlacedBroker> brokers{{"a"}, {"b"}, {"c"}};
    const Placement before(brokers, 2);
    const std::vector<PlacedBroker> old = brokers;
    brokers.push_back({"d"});
    const Placement after(brokers, 2);
    std::size_t moved = 0;
    for (std::size_t n = 0; n < kIds; ++n) {
        const auto was = names_of(old, before, id_of(n));
        auto is = names_of(brokers, after, id_of(n));
        if (std::find(is.begin(), is.end(), "d") == is.end()) {
            CHECK(is == was);
            continue;
        }
        ++moved;
        std::erase(is, "d");
        CHECK(is.front() == was.front());
    }
    CHECK(is_near(static_cast<double>(moved) / kIds, 0.5)); // 2 of 4 brokers
}

TEST_CASE("senders use the first broker that is alive", "[placement]") {
    const Placement placement({{"a"}, {"b"}, {"c"}}, 2);
    const BrokerNumbers brokers = placement.brokers_of("x");
    const std::size_t first = brokers.front();
    const std::size_t second = *(brokers.begin() + 1);
    const std::size_t other = 3 - first - second;
    BrokerSet all;
    all.set();
    CHECK(placement.serves(first, all, "x"));
    CHECK_FALSE(placement.serves(second, all, "x"));
    CHECK_FALSE(placement.serves(other, all, "x"));
    all.reset(first);
    CHECK(placement.serves(first, all, "x")); // if it was the one that is asked about
    CHECK(placement.serves(second, all, "x"));
    CHECK_FALSE(placement.serves(other, {}, "x"));
}

/// docs/PROTOCOL.md has the same, for other implementations.
TEST_CASE("a placement is the same in each release", "[placement]") {
    const std::vector<PlacedBroker> brokers{{"alpha"}, {"beta"}, {"gamma", 2}};
    const Placement placement(brokers, 2);
    using Names = std::vector<std::string>;
    CHECK(names_of(brokers, placement, "123") == Names{"gamma", "beta"});
    CHECK(names_of(brokers, placement, "a") == Names{"beta", "gamma"});
    CHECK(names_of(brokers, placement, "user-7") == Names{"beta", "gamma"});
}

} // namespace placement_test
