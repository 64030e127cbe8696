// Connections that do not read or say nothing, seen from beside their sockets. The test plays
// ZeroMQ: it accepts, and keeps the descriptors.
#include "broker/shell/connection_watch.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/net/socket_address.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace connection_watch_test {

using namespace zcomet;
using namespace zcomet::broker::shell;

namespace {

constexpr Duration kPatience = 100ms;

class Port {
  public:
    Port() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
        REQUIRE(::listen(listener_.get(), 64) == 0);
    }
    [[nodiscard]] std::uint16_t number() const { return net::bound_port(listener_.get()); }
    /// Begins a connection.   @return the client's end, which does not wait.
    [[nodiscard]] UniqueFd connect() const {
        UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_in there{};
        there.sin_family = AF_INET;
        there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        there.sin_port = htons(number());
        static_cast<void>(
            ::connect(client.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there));
        return client;
    }
    [[nodiscard]] UniqueFd accept() const {
        pollfd ready{listener_.get(), POLLIN, 0};
        REQUIRE(::poll(&ready, 1, 10'000) == 1);
        return UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    }

  private:
    UniqueFd listener_;
};

bool is_ended(const UniqueFd& client) {
    std::string bytes(65'536, '\0');
    for (;;) {
        const ssize_t size = ::recv(client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (size <= 0) {
            return size == 0;
        }
    }
}

void fill(const UniqueFd& connection) {
    const std::string bytes(65'536, 'x');
    while (::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    }
}

struct Fixture {
    Port peers;
    Port feeds;
    std::optional<ConnectionWatch> watch{
        ConnectionWatch::Options{peers.number(), feeds.number(), kPatience}};
    ConnectionWatch::News sum;

    void turn(Time now, std::size_t unread_bytes) {
        const ConnectionWatch::News news = watch->turn(now, unread_bytes);
        sum.unread += news.unread;
        sum.silent += news.silent;
        sum.turned_away += news.turned_away;
        sum.became_short = sum.became_short || news.became_short;
        sum.became_enough = sum.became_enough || news.became_enough;
    }
    /// Turns until `condition` holds.
    template <typename Condition> void turn_until(std::size_t unread_bytes, Condition&& condition) {
        const Time deadline = Clock::now() + 20s;
        while (!condition() && Clock::now() < deadline) {
            const Time now = Clock::now();
            turn(now, unread_bytes);
            ::poll(nullptr, 0,
                   static_cast<int>(in_ms(std::max(watch->due() - now, Duration(1ms)))));
        }
        CHECK(condition());
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a peer that does not read is ended, and one that reads is not",
                 "[connection_watch]") {
    const UniqueFd slow = peers.connect();
    const UniqueFd to_slow = peers.accept();
    const UniqueFd good = peers.connect();
    const UniqueFd to_good = peers.accept();
    fill(to_slow);
    turn(Clock::now(), 0); // nothing is wrong as far as ZeroMQ knows
    CHECK(sum.unread == 0);
    turn_until(ConnectionWatch::kUnreadBytes, [&] { return sum.unread == 1; });
    CHECK(is_ended(slow));
    CHECK_FALSE(is_ended(good));
    CHECK(sum.silent == 0);
}

TEST_CASE_METHOD(Fixture, "a subscriber that answers no pings is ended while much is unread",
                 "[connection_watch]") {
    const UniqueFd silent = feeds.connect();
    const UniqueFd to_silent = feeds.accept();
    turn_until(ConnectionWatch::kUnreadBytes, [&] { return sum.silent == 1; });
    CHECK(is_ended(silent));
}

TEST_CASE_METHOD(Fixture, "when descriptors are short, none begins, and the silent are ended",
                 "[connection_watch]") {
    const UniqueFd silent = peers.connect();
    const UniqueFd to_silent = peers.accept();
    turn_until(0, [&] { return watch->descriptors_used() > 0; });
    CHECK_FALSE(sum.became_short);
    const std::uint64_t few = static_cast<std::uint64_t>(to_silent.get()) + 4;
    watch.emplace(ConnectionWatch::Options{peers.number(), feeds.number(), kPatience, few});
    turn_until(0, [&] { return sum.became_short; });
    const UniqueFd late = peers.connect();
    turn_until(0, [&] { return sum.silent == 1; });
    CHECK(is_ended(silent));
    pollfd connected{late.get(), POLLOUT, 0};
    CHECK(::poll(&connected, 1, 0) == 0); // its SYN has no answer yet
}

} // namespace connection_watch_test
