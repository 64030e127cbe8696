// The port that workers share with each other only. The system chooses every port here.
#include "webnode/port/http_port.hpp"

#include <catch2/catch.hpp>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>

namespace http_port_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::port;
using Catch::Matchers::Contains;

namespace {

const wire::HostPort kAnyPort{"127.0.0.1", 0};
constexpr KeepaliveTimes kKeepalive = KeepaliveTimes::within(60s);

/// The kernel's memory for bytes that wait to be sent or acknowledged, and what it holds in
/// advance.
std::uint32_t kernel_bytes_of(int fd) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    socklen_t size = sizeof memory;
    REQUIRE(::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) == 0);
    return memory[SK_MEMINFO_WMEM_QUEUED] + memory[SK_MEMINFO_FWD_ALLOC];
}

} // namespace

TEST_CASE("a reserved port has a number, and several workers listen on it", "[http_port]") {
    const Result<ReservedPort> reserved = reserve_port(kAnyPort);
    REQUIRE(reserved.ok());
    const wire::HostPort address = reserved.value().address;
    CHECK(address.port != 0);
    CHECK(reserved.value().is_loopback);
    CHECK_FALSE(reserve_port({"0.0.0.0", 0}).value().is_loopback);
    const Result<UniqueFd> first = open_listener(address, {.keepalive = kKeepalive});
    const Result<UniqueFd> second = open_listener(address, {.keepalive = kKeepalive});
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
        const Result<UniqueFd> listener = open_listener(address, {.keepalive = kKeepalive});
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
        const Result<UniqueFd> listener = open_listener(address, {.keepalive = kKeepalive});
        REQUIRE(listener.ok());
    }
    CHECK(port_is_free(address));
    CHECK(reserve_port(address).ok());
}

TEST_CASE("a browser that does not read takes a bounded part of the kernel's memory",
          "[http_port]") {
    const std::size_t bound = GENERATE(as<std::size_t>(), kKernelBytesMin, 256U << 10U);
    const std::size_t piece = GENERATE(100U, 1500U, 60'000U);
    CAPTURE(bound, piece);
    const Result<ReservedPort> reserved = reserve_port(kAnyPort);
    REQUIRE(reserved.ok());
    const wire::HostPort address = reserved.value().address;
    const Result<UniqueFd> listener =
        open_listener(address, {.keepalive = kKeepalive, .kernel_bytes = bound});
    REQUIRE(listener.ok());
    const UniqueFd browser(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int little = 4096;
    REQUIRE(::setsockopt(browser.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little) == 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(address.port);
    REQUIRE(::connect(browser.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    REQUIRE(::send(browser.get(), "x", 1, 0) == 1); // the kernel waits for it: TCP_DEFER_ACCEPT
    pollfd waits{.fd = listener.value().get(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&waits, 1, -1) == 1);
    const UniqueFd stream(
        ::accept4(listener.value().get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    REQUIRE(stream.valid());
    const std::string bytes(piece, 'x');
    std::uint32_t most = 0;
    std::size_t sent = 0;
    // The browser's kernel takes some of it, as soon as it comes to that.
    for (pollfd room{.fd = stream.get(), .events = POLLOUT, .revents = 0};
         ::poll(&room, 1, 50) == 1;) {
        const ssize_t got = ::send(stream.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        sent += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
        most = std::max(most, kernel_bytes_of(stream.get()));
    }
    CHECK(sent > bound / 8);
    CHECK(most <= bound);
}

TEST_CASE("addresses that cannot be listened on are named", "[http_port]") {
    const Result<ReservedPort> unknown = reserve_port({"no-such-host.invalid", 8000});
    REQUIRE_FALSE(unknown.ok());
    CHECK_THAT(unknown.error().text, Contains("no-such-host.invalid"));
    const Result<ReservedPort> foreign = reserve_port({"192.0.2.1", 0});
    REQUIRE_FALSE(foreign.ok());
    CHECK_THAT(foreign.error().text, Contains("192.0.2.1"));
}

} // namespace http_port_test
