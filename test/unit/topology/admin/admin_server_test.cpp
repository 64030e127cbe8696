// The admin server against clients that do everything wrong, on the test's own clock: each of them
// may cost a turn, never a wait.
#include "test/support/descriptor_limit.hpp"
#include "topology/admin/admin_server.hpp"
#include "topology/admin/stats_pages.hpp"
#include "topology/http/request_reader.hpp"
#include "topology/net/socket_address.hpp"

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

namespace admin_server_test {

using namespace zcomet;
using namespace zcomet::admin;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

constexpr std::string_view kRequest = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::vector<http::Route> pages_of(const std::string& text) {
    const auto echo = [](const http::Request& request) {
        http::Reply reply;
        reply.text = request.body;
        return reply;
    };
    return {{"GET", "/hello",
             [text](const http::Request&) {
                 http::Reply reply;
                 reply.text = text;
                 return reply;
             }},
            {"POST", "/take", echo, 10},
            {"POST", "/take-all", echo, http::kRequestBodyBytesMax}};
}

bool ready(int fd, short events, int timeout_ms) {
    pollfd waiting{.fd = fd, .events = events, .revents = 0};
    return ::poll(&waiting, 1, timeout_ms) > 0;
}

/// A client that does one step at a time.
class Caller {
  public:
    explicit Caller(const wire::HostPort& server) {
        const auto where = net::resolve(server, net::Purpose::kConnect);
        REQUIRE(where.ok());
        const net::SocketAddress& address = where.value().front();
        fd_.reset(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(fd_.valid());
        REQUIRE(::connect(fd_.get(), address.get(), address.size) == 0);
    }

    void say(std::string_view bytes) const {
        REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    void half_close() const { ::shutdown(fd_.get(), SHUT_WR); }
    /// Ends both directions, also for a child process that has the descriptor.
    void hang_up() const { ::shutdown(fd_.get(), SHUT_RDWR); }
    /// The bytes received so far.
    const std::string& heard() {
        std::array<char, 65536> bytes;
        ssize_t count = 0;
        while ((count = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
            heard_.append(bytes.data(), static_cast<std::size_t>(count));
        }
        ended_ = count == 0 || (errno != EAGAIN && errno != EINTR);
        return heard_;
    }
    /// Whether the other end has closed.
    bool ended() {
        heard();
        return ended_;
    }

  private:
    UniqueFd fd_;
    std::string heard_;
    bool ended_ = false;
};

/// A server whose clock stands still until a test moves it.
class Server {
  public:
    explicit Server(AdminLimits limits = {}, std::vector<http::Route> pages = pages_of("hi"),
                    const wire::HostPort& address = {"127.0.0.1", 0}) {
        auto opened = AdminServer::open(address, std::move(pages), limits);
        REQUIRE(opened.ok());
        server_ = std::move(opened).value();
    }

    [[nodiscard]] AdminServer& operator*() const { return *server_; }
    [[nodiscard]] AdminServer* operator->() const { return server_.get(); }
    [[nodiscard]] Caller call() const { return Caller(server_->address()); }

    /// Gives it turns, as a loop would, until nothing is ready any more.
    unsigned work() {
        unsigned turns = 0;
        for (bool more = false; more || ready(server_->fds()[0], POLLIN, 20); ++turns) {
            REQUIRE(turns < 1000);
            more = server_->turn(now);
        }
        return turns;
    }
    /// The same until `until()` is true: the kernel may need a moment to pass bytes on.
    template <typename Holds> bool work_until(Holds&& until) {
        for (unsigned i = 0; i < 500; ++i) {
            work();
            if (until()) {
                return true;
            }
        }
        return false;
    }

    Time now = Time(1000s);

  private:
    std::unique_ptr<AdminServer> server_;
};

/// A child that has all descriptors of this process, as between fork(2) and execve(2).
class ForkedChild {
  public:
    ForkedChild() : pid_(::fork()) {
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::pause();
            ::_exit(0);
        }
    }
    ~ForkedChild() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ForkedChild(const ForkedChild&) = delete;
    ForkedChild& operator=(const ForkedChild&) = delete;

  private:
    pid_t pid_;
};

} // namespace

TEST_CASE("a page is answered, and the connection is closed after it", "[admin_server]") {
    Server server;
    Caller caller = server.call();
    caller.say(kRequest);
    REQUIRE(server.work_until([&] { return caller.ended(); }));
    CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 200 OK\r\n") &&
                                   Contains("Connection: close\r\n") && EndsWith("\r\n\r\nhi"));
    CHECK(server->counts().answered == 1);
    caller.hang_up();
    CHECK(server.work_until([&] { return server->connection_count() == 0; }));
    CHECK(server->due() == kNever); // an idle page costs no turns
}

TEST_CASE("HEAD, other paths and other methods have their answers", "[admin_server]") {
    Server server;
    const auto answer_to = [&server](std::string_view request) {
        Caller caller = server.call();
        caller.say(request);
        REQUIRE(server.work_until([&] { return caller.ended(); }));
        return caller.heard();
    };
    CHECK_THAT(answer_to("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"),
               StartsWith("HTTP/1.1 200 ") && Contains("Content-Length: 2") &&
                   EndsWith("\r\n\r\n"));
    CHECK_THAT(answer_to("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
    CHECK_THAT(answer_to("POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
               StartsWith("HTTP/1.1 404 "));
    CHECK_THAT(answer_to("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
    CHECK_THAT(answer_to("GET /hello HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("a page is shown under the server's own names only", "[admin_server]") {
    Server server;
    const auto answer_to = [&server](const std::string& line, const std::string& host) {
        Caller caller = server.call();
        caller.say(line + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        REQUIRE(server.work_until([&] { return caller.ended(); }));
        return caller.heard();
    };
    CHECK_THAT(answer_to("GET /hello", "127.0.0.1:80"), StartsWith("HTTP/1.1 200 "));
    CHECK_THAT(answer_to("GET /hello", "evil.example"), StartsWith("HTTP/1.1 421 "));
    CHECK_THAT(answer_to("POST /take", "evil.example\r\nContent-Length: 5"),
               StartsWith("HTTP/1.1 421 "));
    CHECK(server->counts().misdirected == 2);
    server->use(host::HostNames({"evil.example"}));
    CHECK_THAT(answer_to("GET /hello", "evil.example"), StartsWith("HTTP/1.1 200 "));
    CHECK(server->counts().misdirected == 2);
    CHECK(server->counts().answered == 4);
}

TEST_CASE("a request may come byte by byte, and its sender may half-close", "[admin_server]") {
    Server server;
    Caller caller = server.call();
    for (const char byte : kRequest) {
        CHECK(caller.heard().empty());
        caller.say({&byte, 1});
        server.work();
    }
    caller.half_close();
    REQUIRE(server.work_until([&] { return caller.ended(); }));
    CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("one answer is built a turn, and each client gets one", "[admin_server]") {
    unsigned built = 0;
    Server server({}, {{"GET", "/hello", [&built](const http::Request&) {
                            ++built;
                            return http::Reply{};
                        }}});
    std::vector<Caller> callers;
    for (unsigned i = 0; i < 5; ++i) {
        callers.push_back(server.call());
    }
    REQUIRE(server.work_until([&] { return server->connection_count() == callers.size(); }));
    for (const Caller& caller : callers) {
        caller.say(kRequest);
    }
    unsigned before = 0;
    for (unsigned turns = 0; built < callers.size() && turns < 1000; ++turns) {
        server->turn(server.now);
        CHECK(built - before <= 1);
        before = built;
    }
    for (Caller& caller : callers) {
        CHECK(server.work_until([&] { return caller.ended(); }));
        CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
}

TEST_CASE("beyond the bound a connection is closed and counted", "[admin_server]") {
    Server server({.connections_max = 2});
    Caller first = server.call();
    Caller second = server.call();
    REQUIRE(server.work_until([&] { return server->connection_count() == 2; }));
    Caller third = server.call();
    CHECK(server.work_until([&] { return third.ended(); }));
    CHECK(third.heard().empty());
    CHECK(server->counts().refused == 1);
    first.hang_up();
    REQUIRE(server.work_until([&] { return server->connection_count() == 1; }));
    Caller fourth = server.call();
    fourth.say(kRequest);
    CHECK(server.work_until([&] { return fourth.ended(); }));
    CHECK_THAT(fourth.heard(), StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK_FALSE(second.ended());
}

TEST_CASE("a request that does not end is refused at the bound", "[admin_server]") {
    Server server({.request_bytes_max = 256});
    SECTION("its head") {
        Caller caller = server.call();
        caller.say("GET /hello HTTP/1.1\r\nX: " + std::string(400, 'x'));
        CHECK(server.work_until([&] { return caller.ended(); }));
        CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 431 "));
    }
    SECTION("its body, which no page takes") {
        Caller caller = server.call();
        caller.say("POST /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n");
        CHECK(server.work_until([&] { return caller.ended(); }));
        CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 404 "));
    }
    SECTION("its body, of which a page takes less") {
        Caller caller = server.call();
        caller.say("POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n");
        CHECK(server.work_until([&] { return caller.ended(); }));
        CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 413 ") && Contains("at most 10 bytes"));
    }
    SECTION("its body") {
        Caller caller = server.call();
        caller.say("POST /take-all HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" +
                   std::string(400, 'x'));
        CHECK(server.work_until([&] { return caller.ended(); }));
        CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 413 "));
    }
}

TEST_CASE("a client that waits for 100 Continue gets it", "[admin_server]") {
    Server server;
    Caller caller = server.call();
    caller.say("POST /take HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
               "Content-Length: 2\r\n\r\n");
    REQUIRE(server.work_until([&] { return !caller.heard().empty(); }));
    CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
    caller.say("ab");
    CHECK(server.work_until([&] { return caller.ended(); }));
    CHECK_THAT(caller.heard(), Contains("HTTP/1.1 200 ") && Contains("\r\n\r\nab"));
}

TEST_CASE("a connection has a deadline, whatever it does meanwhile", "[admin_server]") {
    Server server;
    Caller silent = server.call();
    Caller slow = server.call();
    REQUIRE(server.work_until([&] { return server->connection_count() == 2; }));
    CHECK(server->due() == server.now + 10s);
    for (unsigned second = 0; second < 9; ++second) { // one byte a second
        slow.say(kRequest.substr(second, 1));
        server.now += 1s;
        server.work();
    }
    CHECK(server->connection_count() == 2);
    server.now += 1s;
    server->turn(server.now);
    CHECK(server->connection_count() == 0);
    CHECK(server->counts().late == 2);
    CHECK(server->due() == kNever);
    CHECK(silent.ended());
    CHECK_THAT(slow.heard(), StartsWith("HTTP/1.1 408 "));
}

TEST_CASE("a client that does not read delays no other, and loses its answer at the deadline",
          "[admin_server]") {
    constexpr std::size_t kMuch = 64U << 20U; // more than the kernel takes
    Server server({}, pages_of(std::string(kMuch, 'x')));
    Caller deaf = server.call();
    deaf.say(kRequest);
    REQUIRE(server.work_until([&] { return server->counts().answered == 1; }));
    CHECK_FALSE(ready(server->fds()[0], POLLIN, 0)); // the loop may sleep
    CHECK_FALSE(server->turn(server.now));
    // While so much of this answer waits no other one is built.
    Caller next = server.call();
    next.say(kRequest);
    server.work();
    CHECK_FALSE(server->turn(server.now));
    CHECK(next.heard().empty());
    CHECK(server->counts().answered == 1);
    server.now += 10s;
    server->turn(server.now);
    CHECK(server->connection_count() == 0);
}

TEST_CASE("a large answer reaches a client that reads it", "[admin_server]") {
    constexpr std::size_t kMuch = 8U << 20U;
    Server server({}, pages_of(std::string(kMuch, 'x')));
    Caller caller = server.call();
    caller.say(kRequest);
    CHECK(server.work_until([&] { return caller.heard().size() > kMuch && caller.ended(); }));
}

TEST_CASE("a client that stays after its answer keeps its place for only a second",
          "[admin_server]") {
    Server server;
    Caller caller = server.call();
    caller.say(kRequest);
    REQUIRE(server.work_until([&] { return caller.ended(); }));
    CHECK(server->connection_count() == 1);
    CHECK(server->due() == server.now + 1s);
    server.now += 1s;
    server->turn(server.now);
    CHECK(server->connection_count() == 0);
    CHECK(server->counts().late == 0);
}

TEST_CASE("a client that leaves while its request waits does not harm other requests",
          "[admin_server]") {
    Server server;
    {
        Caller caller = server.call();
        caller.say("GET /hel");
        server.work();
    }
    CHECK(server.work_until([&] { return server->connection_count() == 0; }));
}

TEST_CASE("connections close for the server although a forked child still has them open",
          "[admin_server]") {
    Server server;
    const Caller first = server.call();
    REQUIRE(server.work_until([&] { return server->connection_count() == 1; }));
    const ForkedChild child;
    first.hang_up();
    REQUIRE(server.work_until([&] { return server->connection_count() == 0; }));
    CHECK_FALSE(ready(server->fds()[0], POLLIN, 0)); // nothing wakes the loop for it
    Caller second = server.call();
    second.say(kRequest);
    CHECK(server.work_until([&] { return !second.heard().empty(); }));
    CHECK_THAT(second.heard(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("without descriptors it pauses, does not spin, and comes back by itself",
          "[admin_server]") {
    Server server;
    Caller caller = server.call();
    caller.say(kRequest);
    REQUIRE(ready(server->fds()[0], POLLIN, 5000));
    {
        const test::DescriptorLimit none(0);
        server->turn(server.now);
        CHECK(server->counts().shortages == 1);
        CHECK(server->due() == server.now + 100ms);
        CHECK_FALSE(ready(server->fds()[0], POLLIN, 0)); // nothing wakes the loop meanwhile
        CHECK_FALSE(server->turn(server.now + 50ms));
        CHECK(server->counts().shortages == 1);
        server.now += 100ms;
        server->turn(server.now);
        CHECK(server->counts().shortages == 2);
        CHECK(server->due() == server.now + 100ms);
    }
    server.now += 100ms;
    server->turn(server.now);
    CHECK(server.work_until([&] { return caller.ended(); }));
    CHECK_THAT(caller.heard(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("its port cannot be shared, and an invalid address is refused", "[admin_server]") {
    const Server server;
    const auto second = AdminServer::open(server->address(), pages_of("two"));
    REQUIRE_FALSE(second.ok());
    CHECK_THAT(second.error().text, Contains(server->address().text()) && Contains("in use"));
    const auto foreign = AdminServer::open({"192.0.2.1", 0}, pages_of("far"));
    REQUIRE_FALSE(foreign.ok());
    CHECK_THAT(foreign.error().text, Contains("192.0.2.1"));
}

TEST_CASE("it listens at an IPv6 address, and at every address", "[admin_server]") {
    Server everywhere({}, pages_of("hi"), {"*", 0});
    CHECK(everywhere->address().host == "*");
    auto opened = AdminServer::open({"::1", 0}, pages_of("six"));
    if (!opened.ok()) {
        WARN("this host has no IPv6: " << opened.error().text);
        return;
    }
    AdminServer& server = *opened.value();
    CHECK_THAT(server.address().text(), StartsWith("[::1]:"));
    Caller caller(server.address());
    caller.say(kRequest);
    for (unsigned i = 0; i < 500 && !caller.ended(); ++i) {
        static_cast<void>(ready(server.fds()[0], POLLIN, 20));
        server.turn(Time(1s));
    }
    CHECK_THAT(caller.heard(), EndsWith("six"));
}

TEST_CASE("the pages of stats show a snapshot taken for each request", "[stats_pages]") {
    std::int64_t taken = 0;
    http::Pages pages(stats_pages([&taken] {
        metrics::Snapshot snapshot;
        snapshot.program.labels = {{"taken", ++taken}};
        return snapshot;
    }));
    const std::string request = "GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n";
    CHECK_THAT(pages.handle(request).bytes, EndsWith("\r\n\r\n{\n  \"taken\": 1\n}\n"));
    const std::string second = pages.handle(request).bytes;
    CHECK_THAT(second, EndsWith("\r\n\r\n{\n  \"taken\": 2\n}\n"));
    CHECK_THAT(second, Contains("Content-Type: application/json\r\n") &&
                           Contains("Cache-Control: no-store\r\n"));
}

} // namespace admin_server_test
