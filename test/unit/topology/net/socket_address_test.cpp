#include "topology/net/socket_address.hpp"

#include <catch2/catch.hpp>
#include <netinet/in.h>

using namespace zcomet;
using namespace zcomet::net;
using Catch::Matchers::Contains;

namespace {

const sockaddr_in& as_ipv4(const SocketAddress& address) {
    return *reinterpret_cast<const sockaddr_in*>(address.get());
}

} // namespace

TEST_CASE("literal addresses of both families resolve to themselves", "[socket_address]") {
    const auto four = resolve({"127.0.0.1", 80}, Purpose::kConnect);
    REQUIRE(four.ok());
    CHECK(four.value().family() == AF_INET);
    CHECK(ntohl(as_ipv4(four.value()).sin_addr.s_addr) == INADDR_LOOPBACK);
    CHECK(ntohs(as_ipv4(four.value()).sin_port) == 80);
    const auto six = resolve({"::1", 80}, Purpose::kConnect);
    REQUIRE(six.ok());
    CHECK(six.value().family() == AF_INET6);
}

TEST_CASE("a star is every address of this machine", "[socket_address]") {
    const auto everywhere = resolve({"*", 0}, Purpose::kListen);
    REQUIRE(everywhere.ok());
    CHECK(as_ipv4(everywhere.value()).sin_addr.s_addr == INADDR_ANY);
}

TEST_CASE("a host without an address is named in the error", "[socket_address]") {
    const auto unknown = resolve({"no-such-host.invalid", 80}, Purpose::kConnect);
    REQUIRE_FALSE(unknown.ok());
    CHECK_THAT(unknown.error().text, Contains("no-such-host.invalid"));
}
