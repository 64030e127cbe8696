#include "test/support/descriptor_limit.hpp"
#include "webnode/port/http_port.hpp"
#include "webnode/port/listener.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

namespace listener_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::port;

namespace {

constexpr std::uint64_t kTag = 1;
constexpr KeepaliveTimes kKeepalive = KeepaliveTimes::within(60s);

int option(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    ::getsockopt(fd, level, name, &value, &size);
    return value;
}

struct ListenerFixture {
    explicit ListenerFixture(Capacity capacity = {.connections = 100, .reserve = 10},
                             bool speaks_tls = false) {
        Result<ReservedPort> reserved = reserve_port({"127.0.0.1", 0});
        REQUIRE(reserved.ok());
        port = std::move(reserved).value();
        REQUIRE(
            listener
                .open(port.address, capacity, {.keepalive = kKeepalive, .speaks_tls = speaks_tls})
                .ok());
    }
    /// @param from  the last number of the client's address, 127.0.0.X.
    [[nodiscard]] UniqueFd begin_to_connect(int flags = SOCK_NONBLOCK, int from = 1) const {
        UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
        sockaddr_in source{};
        source.sin_family = AF_INET;
        source.sin_addr.s_addr = htonl(0x7F000000U + static_cast<unsigned>(from));
        REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&source), sizeof source) == 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        where.sin_port = htons(port.address.port);
        const int failed = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where);
        if (failed != 0 && errno != EINPROGRESS) {
            fd.reset();
        }
        return fd;
    }
    /// A client that has sent nothing yet; invalid if it was refused.
    [[nodiscard]] UniqueFd connected(int from = 1) const { return begin_to_connect(0, from); }
    /// A client that has sent a byte, so that its connection is handed over.
    void connect(int from = 1) {
        UniqueFd fd = connected(from);
        REQUIRE(fd.valid());
        REQUIRE(::send(fd.get(), "G", 1, MSG_NOSIGNAL) == 1);
        clients.push_back(std::move(fd));
    }
    /// Whether the listener has a connection to accept within two seconds.
    bool ready() {
        const Time clock = Clock::now();
        return !epoll.wait(clock, clock + 2s).empty();
    }
    bool ready_now() { return !epoll.wait(now, now).empty(); }
    /// Does a turn of the worker's loop.
    void turn() {
        if (ready_now() || listener.due() <= now) {
            listener.accept(now, [this](int fd, Origin origin) {
                accepted.emplace_back(fd);
                origins.push_back(origin);
            });
        }
        listener.leave_or_return(now);
    }
    /// Has turns until this many connections are held.
    void serve(std::size_t count) {
        while (accepted.size() < count) {
            REQUIRE(ready());
            turn();
        }
        REQUIRE(accepted.size() == count);
    }
    void serve_new(int from = 1) {
        connect(from);
        serve(accepted.size() + 1);
    }
    /// The newest connection ends.
    void end_newest() {
        places.give_back(origins.back());
        accepted.pop_back();
        origins.pop_back();
    }
    /// Connects, and has turns until that is refused. @return what the client hears.
    std::string hear_refusal(int from) {
        const std::uint64_t refusals = counters.get(slot::WorkerCounter::kAddressRefusals);
        connect(from);
        while (counters.get(slot::WorkerCounter::kAddressRefusals) == refusals) {
            REQUIRE(ready());
            turn();
        }
        std::string heard;
        std::array<char, 1000> bytes{};
        for (ssize_t got = 0;
             (got = ::recv(clients.back().get(), bytes.data(), bytes.size(), 0)) > 0;) {
            heard.append(bytes.data(), static_cast<std::size_t>(got));
        }
        CHECK(errno != ECONNRESET);
        return heard;
    }
    /// Lets the time for leaving pass.
    void leave() {
        REQUIRE(listener.due() == now + Listener::kLeavingTime);
        now = listener.due();
        turn();
    }

    Time now = Time() + 1h;
    loop::Epoll epoll;
    metrics::Counters<slot::WorkerCounter> counters;
    std::vector<UniqueFd> clients;
    std::vector<UniqueFd> accepted;
    std::vector<Origin> origins; // of those
    AddressPlaces places{4711};
    Listener listener{epoll, counters, kTag, [this] { return accepted.size(); }, places};
    ReservedPort port;
};

} // namespace

TEST_CASE("connections are accepted, ready for a loop", "[listener]") {
    ListenerFixture fixture;
    fixture.serve_new();
    const int fd = fixture.accepted.front().get();
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(fixture.counters.get(slot::WorkerCounter::kAccepted) == 1);
    CHECK(fixture.listener.due() == kNever);
}

TEST_CASE("a listener that comes back gives connections the same options", "[listener]") {
    ListenerFixture fixture({.connections = 1, .reserve = 4});
    fixture.serve_new();
    fixture.leave();
    fixture.accepted.clear();
    fixture.turn();
    fixture.serve_new();
    const int fd = fixture.accepted.front().get();
    CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == kKeepalive.kernel_first.count());
    CHECK(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 1000 * kKeepalive.unanswered.count());
}

TEST_CASE("a full worker serves connections under way, then leaves the port to others",
          "[listener]") {
    ListenerFixture fixture({.connections = 2, .reserve = 4});
    fixture.connect();
    UniqueFd silent = fixture.connected(); // its handshake is under way: it has not sent a byte
    fixture.connect();
    fixture.connect();
    fixture.serve(3);
    CHECK(fixture.counters.get(slot::WorkerCounter::kFullTimes) == 1);
    CHECK(fixture.counters.get(slot::WorkerCounter::kFull) == 0);
    REQUIRE(::send(silent.get(), "G", 1, MSG_NOSIGNAL) == 1);
    fixture.serve(4);
    fixture.leave();
    CHECK(fixture.counters.get(slot::WorkerCounter::kFull) == 1);
    CHECK(fixture.listener.due() == kNever);
    CHECK_FALSE(fixture.connected().valid()); // no other process has the port, so it is refused
    for (const UniqueFd& client : fixture.clients) {
        char byte = 0;
        CHECK(::recv(client.get(), &byte, 1, MSG_DONTWAIT) < 0);
        CHECK(errno == EAGAIN); // open, not reset
    }
}

TEST_CASE("a listener that is leaving takes no new connection", "[listener]") {
    ListenerFixture fixture({.connections = 1, .reserve = 4});
    fixture.serve_new();
    const UniqueFd late = fixture.begin_to_connect();
    fixture.turn();
    CHECK(fixture.accepted.size() == 1);
    fixture.leave();
    pollfd event{late.get(), POLLOUT, 0};
    REQUIRE(::poll(&event, 1, 5000) == 1); // TCP tries again after a second
    CHECK(option(late.get(), SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
}

TEST_CASE("a worker comes back when a fair number of places is free", "[listener]") {
    ListenerFixture fixture({.connections = 32, .reserve = 8});
    for (std::size_t n = 1; n <= 32; ++n) {
        fixture.serve_new();
    }
    fixture.leave();
    fixture.accepted.resize(29);
    fixture.turn();
    CHECK_FALSE(fixture.connected().valid());
    fixture.accepted.resize(28); // an eighth is free
    CHECK(fixture.listener.due() <= fixture.now);
    fixture.turn();
    CHECK(fixture.counters.get(slot::WorkerCounter::kFull) == 0);
    fixture.serve_new();
    CHECK(fixture.accepted.size() == 29);
}

TEST_CASE("a listener that ends gives all waiting connections, and then no more", "[listener]") {
    constexpr std::size_t kWaiting = 200; // some batches
    ListenerFixture fixture({.connections = 1000, .reserve = 10});
    CHECK_FALSE((fixture.listener.has_waiting() && fixture.ready_now()));
    for (std::size_t n = 0; n < kWaiting; ++n) {
        fixture.connect();
    }
    REQUIRE(fixture.ready());
    fixture.listener.turn_away_for_good();
    const UniqueFd late = fixture.begin_to_connect();
    int batches = 0;
    do {
        fixture.listener.accept(fixture.now,
                                [&](int fd, Origin) { fixture.accepted.emplace_back(fd); });
        ++batches;
    } while (fixture.listener.has_waiting());
    CHECK(fixture.accepted.size() == kWaiting);
    CHECK(batches > 1);
    CHECK(fixture.counters.get(slot::WorkerCounter::kFullTimes) == 0);
    CHECK(fixture.listener.due() == kNever);
    fixture.listener.close();
    CHECK_FALSE(fixture.listener.has_waiting());
}

TEST_CASE("with its reserve used up as well a worker leaves at once", "[listener]") {
    ListenerFixture fixture({.connections = 2, .reserve = 1});
    for (int n = 0; n < 5; ++n) {
        fixture.connect();
    }
    fixture.serve(3);
    CHECK(fixture.counters.get(slot::WorkerCounter::kFull) == 1);
    CHECK_FALSE(fixture.connected().valid());
}

TEST_CASE("without a free descriptor a worker leaves, and tries again", "[listener]") {
    ListenerFixture fixture({.connections = 100, .reserve = 10});
    fixture.connect();
    REQUIRE(fixture.ready());
    {
        const test::DescriptorLimit none(0);
        fixture.turn();
        CHECK(fixture.accepted.empty());
        CHECK(fixture.counters.get(slot::WorkerCounter::kFullTimes) == 1);
        CHECK_FALSE(fixture.ready_now()); // so the loop does not spin
        fixture.leave();
    }
    CHECK(fixture.counters.get(slot::WorkerCounter::kFull) == 1);
    const Time back = fixture.listener.due();
    REQUIRE(back != kNever);
    CHECK(back > fixture.now);
    CHECK_FALSE(fixture.ready_now());
    fixture.now = back;
    fixture.turn();
    fixture.serve_new();
    CHECK(fixture.accepted.size() == 1);
}

TEST_CASE("descriptors that are free again in time save waiting connections", "[listener]") {
    ListenerFixture fixture({.connections = 100, .reserve = 10});
    fixture.connect();
    REQUIRE(fixture.ready());
    {
        const test::DescriptorLimit none(0);
        fixture.turn();
    }
    fixture.leave();
    CHECK(fixture.accepted.size() == 1);
}

TEST_CASE("a host gets its part of the places, once half of them are taken", "[listener]") {
    ListenerFixture fixture({.connections = 20, .reserve = 10, .per_address = 3});
    for (int i = 0; i < 10; ++i) {
        fixture.serve_new(); // it is alone, and fills half of the worker
    }
    errno = 0;
    const std::string refusal = fixture.hear_refusal(1);
    CHECK_THAT(refusal, Catch::Matchers::StartsWith("HTTP/1.1 503 ") &&
                            Catch::Matchers::Contains("too many connections come from this"));
    CHECK(fixture.accepted.size() == 10);
    for (int i = 0; i < 3; ++i) {
        fixture.serve_new(2);
    }
    fixture.hear_refusal(2);
    fixture.serve_new(3);
    CHECK(fixture.counters.get(slot::WorkerCounter::kAddressRefusals) == 2);
    fixture.end_newest();
    fixture.end_newest();
    fixture.serve_new(2); // one of its connections has ended
    fixture.hear_refusal(2);
    fixture.listener.watch_addresses();
    CHECK(fixture.counters.get(slot::WorkerCounter::kAddressMost) == 10);
}

TEST_CASE("a host that has its part of a TLS port gets an alert", "[listener]") {
    ListenerFixture fixture({.connections = 4, .reserve = 2, .per_address = 2}, true);
    fixture.serve_new();
    fixture.serve_new();
    CHECK(fixture.hear_refusal(1) == std::string("\x15\x03\x03\x00\x02\x02\x50", 7));
    fixture.end_newest();
    fixture.serve_new();
    CHECK(fixture.counters.get(slot::WorkerCounter::kAddressRefusals) == 1);
}

TEST_CASE("hosts may be without a bound", "[listener]") {
    ListenerFixture fixture({.connections = 20, .reserve = 10, .per_address = 0});
    for (int i = 0; i < 18; ++i) {
        fixture.serve_new();
    }
    CHECK(fixture.counters.get(slot::WorkerCounter::kAddressRefusals) == 0);
}

TEST_CASE("a listener that is withdrawn serves what is on its way, leaves, and may come back",
          "[listener]") {
    ListenerFixture fixture;
    fixture.serve_new();
    fixture.connect();
    fixture.listener.withdraw(fixture.now);
    fixture.serve(2);
    fixture.leave();
    CHECK_FALSE(fixture.connected().valid());
    CHECK(fixture.listener.due() == kNever);
    CHECK(fixture.counters.get(slot::WorkerCounter::kFull) == 0);
    CHECK(fixture.counters.get(slot::WorkerCounter::kFullTimes) == 0);
    fixture.listener.readmit();
    CHECK(fixture.listener.due() <= fixture.now);
    fixture.turn();
    fixture.serve_new();
    fixture.serve(3);
}

TEST_CASE("the connection of a proxy has the place of its client", "[listener]") {
    ListenerFixture fixture({.connections = 8, .reserve = 2, .per_address = 2});
    connection::Clients clients({{net::AddressRange::read("127.0.0.1").value()}, false});
    fixture.listener.use(clients);
    connection::ConnectionTable table;
    std::vector<connection::Handle> handles;
    for (int n = 0; n < 4; ++n) { // the proxy itself is not bounded
        fixture.serve_new();
        handles.push_back(table.add(fixture.accepted.back().get(), fixture.origins.back()));
    }
    CHECK(fixture.origins == std::vector<Origin>(4, 0));
    const auto place = [&](std::size_t index, const std::string& client) {
        return fixture.listener.place_client(
            *table.find(handles[index]),
            client.empty() ? std::nullopt : net::read_ip_address(client), Clock::now());
    };
    CHECK(place(0, "192.0.2.1"));
    CHECK(place(0, "192.0.2.1")); // it has it already
    CHECK(place(1, "192.0.2.1"));
    CHECK_FALSE(place(2, "192.0.2.1"));
    CHECK(fixture.counters.get(slot::WorkerCounter::kAddressRefusals) == 1);
    CHECK(table.find(handles[2])->origin() == 0);
    CHECK(place(2, "192.0.2.2"));
    CHECK(place(0, "")); // for the proxy itself
    CHECK(place(3, "192.0.2.1"));
    CHECK_FALSE(place(0, "192.0.2.1"));
}

} // namespace listener_test
