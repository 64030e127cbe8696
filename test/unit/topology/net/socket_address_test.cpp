#include "topology/base/unique_fd.hpp"
#include "topology/net/socket_address.hpp"

#include <catch2/catch.hpp>
#include <netinet/in.h>

#include <string>

namespace socket_address_test {

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
    REQUIRE(four.value().size() == 1);
    CHECK(four.value()[0].family() == AF_INET);
    CHECK(ntohl(as_ipv4(four.value()[0]).sin_addr.s_addr) == INADDR_LOOPBACK);
    CHECK(ntohs(as_ipv4(four.value()[0]).sin_port) == 80);
    CHECK(four.value()[0].text() == "127.0.0.1:80");
    const auto six = resolve({"::1", 80}, Purpose::kConnect);
    REQUIRE(six.ok());
    CHECK(six.value()[0].family() == AF_INET6);
    CHECK(six.value()[0].text() == "[::1]:80");
}

TEST_CASE("a star is every address of this machine", "[socket_address]") {
    const auto everywhere = resolve({"*", 0}, Purpose::kListen);
    REQUIRE(everywhere.ok());
    CHECK(everywhere.value()[0].text() == (has_ipv6() ? "[::]:0" : "0.0.0.0:0"));
}

TEST_CASE("what listens everywhere is reached by IPv4", "[socket_address]") {
    const SocketAddress where = resolve({"*", 0}, Purpose::kListen).value()[0];
    const UniqueFd listener(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(take_both_families(listener.get(), where));
    REQUIRE(::bind(listener.get(), where.get(), where.size) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    const SocketAddress four =
        resolve({"127.0.0.1", bound_port(listener.get())}, Purpose::kConnect).value()[0];
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(client.get(), four.get(), four.size) == 0);
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    const UniqueFd accepted(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer.storage),
                                      &peer.size, SOCK_CLOEXEC));
    REQUIRE(accepted.valid());
    CHECK_THAT(peer.text(), Contains("127.0.0.1:") && !Contains("ffff"));
}

TEST_CASE("hosts in digits are told from names", "[socket_address]") {
    CHECK(is_numeric("192.0.2.1"));
    CHECK(is_numeric("2001:db8::1"));
    CHECK(is_numeric("*"));
    CHECK_FALSE(is_numeric("localhost"));
    CHECK_FALSE(is_numeric("192.0.2.x"));
}

TEST_CASE("which addresses only this machine reaches", "[socket_address]") {
    const auto is_loopback = [](const std::string& host) {
        return resolve({host, 80}, Purpose::kListen).value()[0].is_loopback();
    };
    for (const std::string host : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
        CAPTURE(host);
        CHECK(is_loopback(host));
    }
    for (const std::string host :
         {"*", "0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "fe80::1", "::ffff:10.0.0.1"}) {
        CAPTURE(host);
        CHECK_FALSE(is_loopback(host));
    }
    CHECK_FALSE(SocketAddress().is_loopback());
}

TEST_CASE("a host without an address is named in the error", "[socket_address]") {
    const auto unknown = resolve({"no-such-host.invalid", 80}, Purpose::kConnect);
    REQUIRE_FALSE(unknown.ok());
    CHECK_THAT(unknown.error().text, Contains("no-such-host.invalid"));
}

} // namespace socket_address_test
