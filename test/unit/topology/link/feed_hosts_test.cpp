// Goal: a node takes a feed on its broker's host, or where its operator has said, and nowhere else.
#include "topology/link/feed_hosts.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>

namespace feed_hosts_test {

using zcomet::link::FeedHosts;
using zcomet::link::is_same_host;

TEST_CASE("hosts are the same by their texts", "[feed_hosts]") {
    using Pair = std::pair<std::string, std::string>;
    for (const auto& [one, other] :
         {Pair{"broker.example", "broker.example"}, Pair{"192.0.2.1", "192.0.2.1"},
          Pair{"192.0.2.1", "::ffff:192.0.2.1"}, Pair{"2001:db8::1", "2001:db8:0::1"},
          Pair{"127.0.0.1", "127.9.9.9"}, Pair{"::1", "127.0.0.1"},
          Pair{"localhost", "127.0.0.1"}}) {
        INFO(one << " " << other);
        CHECK(is_same_host(one, other));
        CHECK(is_same_host(other, one));
    }
    for (const auto& [one, other] :
         {Pair{"broker.example", "other.example"}, Pair{"192.0.2.1", "192.0.2.2"},
          Pair{"192.0.2.1", "127.0.0.1"}, Pair{"localhost", "broker.example"}, Pair{"", "::"},
          Pair{"127.0.0.1.example", "127.0.0.1"}}) {
        INFO(one << " " << other);
        CHECK_FALSE(is_same_host(one, other));
        CHECK_FALSE(is_same_host(other, one));
    }
}

TEST_CASE("a feed is on the host of the broker, or on one that the operator has named",
          "[feed_hosts]") {
    const FeedHosts hosts("broker.example", {"feed.example", "192.0.2.7"});
    for (const std::string host : {"broker.example", "192.0.2.1", "feed.example", "192.0.2.7"}) {
        INFO(host);
        CHECK(hosts.has(host, "192.0.2.1"));
    }
    for (const std::string host : {"evil.example", "192.0.2.2", "127.0.0.1", "localhost", ""}) {
        INFO(host);
        CHECK_FALSE(hosts.has(host, "192.0.2.1"));
    }
    CHECK_FALSE(hosts.has("192.0.2.1", "")); // the broker's name has no address yet
}

} // namespace feed_hosts_test
