#include "webnode/http_port.hpp"
#include "webnode/listener.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <vector>

using namespace zcomet;

namespace {

constexpr std::uint64_t kTag = 1;

struct ListenerFixture {
    ListenerFixture() {
        Result<ReservedPort> reserved = reserve_port({"127.0.0.1", 0});
        REQUIRE(reserved.ok());
        port = std::move(reserved).value();
        REQUIRE(listener.open(port.address).ok());
    }
    /// A client that has sent a byte, so that its connection is handed over.
    void connect() {
        UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        where.sin_port = htons(port.address.port);
        REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
        REQUIRE(::send(fd.get(), "G", 1, MSG_NOSIGNAL) == 1);
        clients.push_back(std::move(fd));
    }
    /// Whether the listener has something to accept, at the latest after two seconds.
    bool ready() {
        const Time clock = Clock::now();
        return !epoll.wait(clock, clock + 2s).empty();
    }
    bool ready_now() { return !epoll.wait(now, now).empty(); }
    /// As a turn of the worker's loop does.
    void accept(std::size_t room) {
        listener.accept(room, now, [this](int fd) { accepted.emplace_back(fd); });
    }

    Time now = Time() + 1h;
    Epoll epoll;
    Counters<WorkerCounter> counters;
    Listener listener{epoll, counters, kTag};
    ReservedPort port;
    std::vector<UniqueFd> clients;
    std::vector<UniqueFd> accepted;
};

/// Leaves the process no free descriptor while it exists.
class NoDescriptors {
  public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const UniqueFd probe(::open("/dev/null", O_RDONLY | O_CLOEXEC)); // the lowest free number
        rlimit none = before_;
        none.rlim_cur = static_cast<rlim_t>(probe.get());
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

  private:
    rlimit before_{};
};

} // namespace

TEST_CASE("connections are accepted, ready for a loop", "[listener]") {
    ListenerFixture fixture;
    fixture.connect();
    REQUIRE(fixture.ready());
    fixture.accept(100);
    REQUIRE(fixture.accepted.size() == 1);
    const int fd = fixture.accepted.front().get();
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(fixture.counters.get(WorkerCounter::kAccepted) == 1);
    CHECK(fixture.listener.due() == kNever);
}

TEST_CASE("a full worker leaves connections in the kernel's queue until one closes", "[listener]") {
    ListenerFixture fixture;
    fixture.connect();
    fixture.connect();
    REQUIRE(fixture.ready());
    fixture.accept(1);
    CHECK(fixture.accepted.size() == 1);
    CHECK(fixture.counters.get(WorkerCounter::kAcceptPauses) == 1);
    CHECK_FALSE(fixture.ready_now()); // so the loop does not spin
    fixture.listener.resume_if_possible(0, fixture.now + 1h);
    CHECK_FALSE(fixture.ready_now());
    fixture.listener.resume_if_possible(1, fixture.now);
    REQUIRE(fixture.ready());
    fixture.accept(1);
    CHECK(fixture.accepted.size() == 2);
}

TEST_CASE("without a free descriptor accepting pauses for a while", "[listener]") {
    ListenerFixture fixture;
    fixture.connect();
    REQUIRE(fixture.ready());
    {
        const NoDescriptors none;
        fixture.accept(100);
    }
    CHECK(fixture.accepted.empty());
    CHECK(fixture.counters.get(WorkerCounter::kAcceptPauses) == 1);
    CHECK_FALSE(fixture.ready_now());
    const Time over = fixture.listener.due();
    REQUIRE(over != kNever);
    fixture.listener.resume_if_possible(100, over - 1ms);
    CHECK_FALSE(fixture.ready_now());
    fixture.listener.resume_if_possible(100, over);
    REQUIRE(fixture.ready());
    fixture.accept(100);
    CHECK(fixture.accepted.size() == 1);
}

TEST_CASE("a connection that closes ends the pause early", "[listener]") {
    ListenerFixture fixture;
    fixture.connect();
    REQUIRE(fixture.ready());
    {
        const NoDescriptors none;
        fixture.accept(100);
    }
    fixture.listener.resume_if_possible(101, fixture.now); // one more than when it began
    CHECK(fixture.ready());
}
