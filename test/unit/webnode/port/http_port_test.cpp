// The port that workers share with each other only. The system chooses every port here.
#include "webnode/port/http_port.hpp"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::port;
using Catch::Matchers::Contains;

namespace {

const wire::HostPort kAnyPort{"127.0.0.1", 0};
constexpr KeepaliveTimes kKeepalive = KeepaliveTimes::within(60s);

} // namespace

TEST_CASE("a reserved port has a number, and several workers listen on it", "[http_port]") {
    const Result<ReservedPort> reserved = reserve_port(kAnyPort);
    REQUIRE(reserved.ok());
    const wire::HostPort address = reserved.value().address;
    CHECK(address.port != 0);
    const Result<UniqueFd> first = open_listener(address, kKeepalive);
    const Result<UniqueFd> second = open_listener(address, kKeepalive);
    CHECK(first.ok());
    CHECK(second.ok());
}

TEST_CASE("a second web node gets an error that the port is taken", "[http_port]") {
    const Result<ReservedPort> reserved = reserve_port(kAnyPort);
    REQUIRE(reserved.ok());
    const wire::HostPort address = reserved.value().address;
    SECTION("while the first has no listener yet") {
        CHECK_FALSE(port_is_free(address));
        const Result<ReservedPort> again = reserve_port(address);
        REQUIRE_FALSE(again.ok());
        CHECK_THAT(again.error().text, Contains("in use") && Contains(address.text()));
    }
    SECTION("and when it has one") {
        const Result<UniqueFd> listener = open_listener(address, kKeepalive);
        REQUIRE(listener.ok());
        CHECK_FALSE(reserve_port(address).ok());
        CHECK_FALSE(reserve_port({"0.0.0.0", address.port}).ok());
    }
}

TEST_CASE("any other listener is in the way too", "[http_port]") {
    const int shares = GENERATE(0, SO_REUSEADDR, SO_REUSEPORT);
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    if (shares != 0) {
        REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, shares, &yes, sizeof yes) == 0);
    }
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    REQUIRE(::listen(fd.get(), 1) == 0);
    socklen_t size = sizeof where;
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where), &size) == 0);
    CHECK_FALSE(reserve_port({"127.0.0.1", ntohs(where.sin_port)}).ok());
}

TEST_CASE("a port is free again as soon as it was given up", "[http_port]") {
    wire::HostPort address;
    {
        const Result<ReservedPort> reserved = reserve_port(kAnyPort);
        REQUIRE(reserved.ok());
        address = reserved.value().address;
        const Result<UniqueFd> listener = open_listener(address, kKeepalive);
        REQUIRE(listener.ok());
    }
    CHECK(port_is_free(address));
    CHECK(reserve_port(address).ok());
}

TEST_CASE("addresses that cannot be listened on are named", "[http_port]") {
    const Result<ReservedPort> unknown = reserve_port({"no-such-host.invalid", 8000});
    REQUIRE_FALSE(unknown.ok());
    CHECK_THAT(unknown.error().text, Contains("no-such-host.invalid"));
    const Result<ReservedPort> foreign = reserve_port({"192.0.2.1", 0});
    REQUIRE_FALSE(foreign.ok());
    CHECK_THAT(foreign.error().text, Contains("192.0.2.1"));
}
