#include "topology/net/peer_address.hpp"
#include "webnode/port/address_places.hpp"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>

#include <cstring>
#include <set>
#include <string>

namespace address_places_test {

using namespace zcomet;
using namespace zcomet::webnode::port;

namespace {

sockaddr_storage address_of(const std::string& text, std::uint16_t port = 40'000) {
    sockaddr_storage storage{};
    sockaddr_in ipv4{};
    sockaddr_in6 ipv6{};
    if (::inet_pton(AF_INET, text.c_str(), &ipv4.sin_addr) == 1) {
        ipv4.sin_family = AF_INET;
        ipv4.sin_port = htons(port);
        std::memcpy(&storage, &ipv4, sizeof ipv4);
    } else {
        REQUIRE(::inet_pton(AF_INET6, text.c_str(), &ipv6.sin6_addr) == 1);
        ipv6.sin6_family = AF_INET6;
        ipv6.sin6_port = htons(port);
        std::memcpy(&storage, &ipv6, sizeof ipv6);
    }
    return storage;
}

} // namespace

TEST_CASE("addresses are written as people know them", "[peer_address]") {
    CHECK(net::address_text(address_of("192.0.2.1", 80)) == "192.0.2.1:80");
    CHECK(net::address_text(address_of("2001:db8::1", 80)) == "[2001:db8::1]:80");
    CHECK(net::address_text(address_of("::ffff:192.0.2.1", 80)) == "192.0.2.1:80");
    CHECK(net::address_text({}) == "-");
    CHECK(net::peer_text(-1) == "-");
}

TEST_CASE("a host is an IPv4 address, or a /64", "[peer_address]") {
    const auto key = [](const std::string& text, std::uint16_t port = 1) {
        return net::host_key(address_of(text, port));
    };
    CHECK(key("192.0.2.1", 1) == key("192.0.2.1", 2));
    CHECK(key("192.0.2.1") == key("::ffff:192.0.2.1"));
    CHECK(key("192.0.2.1") != key("192.0.2.2"));
    CHECK(key("2001:db8::1") == key("2001:db8::ffff:1:2:3"));
    CHECK(key("2001:db8::1") != key("2001:db8:0:1::1"));
    CHECK(key("::1") != key("192.0.2.1"));
    CHECK_FALSE(net::host_key({}));
}

TEST_CASE("connections are counted for each host, in some order", "[address_places]") {
    AddressPlaces places(4711);
    const Origin one = places.origin_of(address_of("192.0.2.1", 1));
    const Origin other = places.origin_of(address_of("192.0.2.2"));
    CHECK(one == places.origin_of(address_of("192.0.2.1", 2)));
    REQUIRE(one != other); // with this key
    CHECK(one != 0);
    places.take(one);
    places.take(one);
    places.take(other);
    CHECK(places.held(one) == 2);
    CHECK(places.held(other) == 1);
    CHECK(places.most() == 2);
    places.give_back(one);
    places.give_back(one);
    CHECK(places.held(one) == 0);
    CHECK(places.most() == 1);
}

TEST_CASE("what has no address is not counted", "[address_places]") {
    AddressPlaces places(4711);
    const Origin none = places.origin_of({});
    CHECK(none == 0);
    places.take(none);
    CHECK(places.held(none) == 0);
    places.give_back(none);
    CHECK(places.held(none) == 0);
    CHECK(places.most() == 0);
}

TEST_CASE("hosts are spread over all places, by a key that they do not know", "[address_places]") {
    std::set<Origin> seen;
    AddressPlaces places(4711);
    AddressPlaces others(4712);
    int same = 0;
    for (int i = 0; i < 10'000; ++i) {
        const sockaddr_storage address =
            address_of("10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250));
        const Origin origin = places.origin_of(address);
        seen.insert(origin);
        same += others.origin_of(address) == origin ? 1 : 0;
    }
    // Of 10,000 balls thrown into 16,383 places, some 7,480 lie in a place of their own or first.
    CHECK(seen.size() > 7200);
    CHECK(seen.size() < 7800);
    CHECK(same < 10);
}

} // namespace address_places_test
