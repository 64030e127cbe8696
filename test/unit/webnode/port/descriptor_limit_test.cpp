#include "webnode/port/descriptor_limit.hpp"

#include <catch2/catch.hpp>

namespace descriptor_limit_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::port;

TEST_CASE("a part of the descriptors is kept in reserve", "[descriptor limit]") {
    const Capacity all = split_capacity(20'000, 0);
    CHECK(all.connections == 19'375);
    CHECK(all.reserve == 625);
    CHECK(split_capacity(10'000'000, 0).reserve == 4096);
}

TEST_CASE("as many connections as requested, if they fit beside the reserve",
          "[descriptor limit]") {
    CHECK(split_capacity(20'000, 50).connections == 50);
    CHECK(split_capacity(20'000, 50).reserve == 64);
    CHECK(split_capacity(20'000, 20'000).connections == 19'375);
    CHECK(split_capacity(100, 90).connections == 50);
    CHECK(split_capacity(1, 0).connections == 1);
}

TEST_CASE("the limit of open files bounds the connections", "[descriptor limit]") {
    const Capacity capacity = split_capacity(places_within(1000), 0);
    CHECK(capacity.connections + capacity.reserve < 1000);
    CHECK(capacity.connections > 800);
}

} // namespace descriptor_limit_test
