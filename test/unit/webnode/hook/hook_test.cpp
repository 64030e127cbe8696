// Goal: requests wait for their hook and nobody else does; whatever the backend does, each gets an
// answer within the deadline. The backend is a socket that the test plays.
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "topology/process/file_limit.hpp"
#include "webnode/hook/hook.hpp"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

namespace zcomet::webnode::hook {
namespace {

constexpr auth::UnixSeconds kUnixStart = 1'790'000'000;
const std::string kYes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// One connection, as the backend has it.
struct Peer {
    UniqueFd fd;

    /// What has come; waits for it.
    [[nodiscard]] std::string received() const {
        std::string all;
        pollfd event{fd.get(), POLLIN, 0};
        std::array<char, 4096> buffer{};
        while (::poll(&event, 1, all.empty() ? 2000 : 0) > 0) {
            const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (got <= 0) {
                break;
            }
            all.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return all;
    }
    void send(const std::string& bytes) const {
        REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
};

struct Backend {
    UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::uint16_t port = 0;

    Backend() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd.get(), 128) == 0);
        port = net::bound_port(fd.get());
    }
    [[nodiscard]] bool has_connection() const {
        pollfd event{fd.get(), POLLIN, 0};
        return ::poll(&event, 1, 50) > 0;
    }
    [[nodiscard]] Peer accept() const { return {UniqueFd(::accept(fd.get(), nullptr, nullptr))}; }
};

struct Fixture {
    Backend backend;
    request::LoopFixture loop;
    Hook hook{read_url("http://127.0.0.1:" + std::to_string(backend.port) + "/may").value(),
              2s,
              loop.connections,
              loop.counters,
              [] { return kUnixStart; },
              [this] { return loop.now; }};

    Fixture() { loop.requests.set_asker(hook); }

    static std::string head(const std::string& target, const std::string& headers = {}) {
        return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
    }
    [[nodiscard]] connection::Browser ask(const std::string& target,
                                          const std::string& headers = {}) {
        return loop.connect(head(target, headers));
    }
    /// Lets everything happen that is due, some times: loopback needs a moment.
    void turn() {
        for (int i = 0; i < 5; ++i) {
            pollfd event{hook.fds()[0], POLLIN, 0};
            ::poll(&event, 1, 10);
            hook.turn(loop.now);
            hook.give_verdicts([this](request::Ticket ticket, std::string_view request,
                                      const request::Verdict& verdict) {
                loop.requests.go_on(ticket, request, verdict, loop.now);
            });
            loop.turn();
        }
    }
    [[nodiscard]] std::uint64_t count(slot::WorkerCounter counter) const {
        return loop.count(counter);
    }
};

using slot::WorkerCounter;

TEST_CASE("a stream opens when its hook lets it in", "[hook]") {
    Fixture fixture;
    auto browser = fixture.ask("/events/a", "Cookie: s=1\r\n");
    const Peer peer = fixture.backend.accept();
    fixture.turn();
    CHECK(peer.received().starts_with("GET /may HTTP/1.1\r\n"));
    CHECK(browser.received().empty());
    CHECK(fixture.loop.logins.empty());
    peer.send(kYes.substr(0, 20));
    fixture.turn();
    CHECK(fixture.loop.logins.empty());
    peer.send(kYes.substr(20));
    fixture.turn();
    CHECK(browser.received().starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(fixture.loop.logins == std::vector<std::string>{"a"});
    CHECK(fixture.count(WorkerCounter::kHookLetIn) == 1);
    CHECK(fixture.count(WorkerCounter::kHookAsked) == 1);
    CHECK(fixture.count(WorkerCounter::kRequests) == 1);
    CHECK(fixture.hook.waiting() == 0);

    // The connection is used again, and so is the same head of the route.
    auto second = fixture.ask("/events/b");
    fixture.turn();
    CHECK(peer.received().find("Zcomet-Id: b\r\n") != std::string::npos);
    CHECK_FALSE(fixture.backend.has_connection());
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
    fixture.turn();
    CHECK(second.received().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("what comes behind a request that waits is served after it", "[hook]") {
    Fixture fixture;
    auto browser = fixture.loop.connect("HEAD /poll/a HTTP/1.1\r\nHost: h\r\n\r\n");
    const Peer peer = fixture.backend.accept();
    browser.send(Fixture::head("/healthz"));
    fixture.turn();
    CHECK(browser.received().empty());
    peer.send(kYes);
    fixture.turn();
    const std::string answers = browser.received();
    CHECK(answers.starts_with("HTTP/1.1 204 "));
    CHECK(answers.ends_with("alive\n"));
    CHECK(fixture.loop.logins.empty());
}

TEST_CASE("refusals are passed on", "[hook]") {
    Fixture fixture;
    auto browser = fixture.ask("/events/a");
    const Peer peer = fixture.backend.accept();
    fixture.turn();
    peer.send("HTTP/1.1 401 No\r\nWWW-Authenticate: Session\r\nContent-Length: 0\r\n\r\n");
    fixture.turn();
    const std::string answer = browser.received();
    CHECK(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    CHECK(answer.find("WWW-Authenticate: Session\r\n") != std::string::npos);
    CHECK(fixture.count(WorkerCounter::kHookRefused) == 1);

    auto other = fixture.ask("/poll/a");
    fixture.turn();
    peer.send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    fixture.turn();
    CHECK(other.received().starts_with("HTTP/1.1 403 Forbidden\r\n"));
}

TEST_CASE("a hook narrows the ids, and says when the stream ends", "[hook]") {
    Fixture fixture;
    auto browser = fixture.ask("/lines?id=a&id=b1&id=b2");
    const Peer peer = fixture.backend.accept();
    fixture.turn();
    CHECK(peer.received().find("Zcomet-Id: a\r\nZcomet-Id: b1\r\nZcomet-Id: b2\r\n") !=
          std::string::npos);
    peer.send("HTTP/1.1 200 OK\r\nZcomet-Ids: b* c\r\nContent-Length: 0\r\n\r\n");
    fixture.turn();
    CHECK(browser.received().starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(fixture.loop.logins == std::vector<std::string>{"b1", "b2"});

    auto none = fixture.ask("/lines/a");
    fixture.turn();
    peer.send("HTTP/1.1 200 OK\r\nZcomet-Ids: b*\r\nContent-Length: 0\r\n\r\n");
    fixture.turn();
    CHECK(none.received().starts_with("HTTP/1.1 403 Forbidden\r\n"));

    auto late = fixture.ask("/lines/a");
    fixture.turn();
    peer.send("HTTP/1.1 200 OK\r\nZcomet-Expires: 1790000000\r\nContent-Length: 0\r\n\r\n");
    fixture.turn();
    CHECK(late.received().starts_with("HTTP/1.1 401 Unauthorized\r\n"));
}

TEST_CASE("no good answer is 503", "[hook]") {
    Fixture fixture;
    for (const std::string bytes :
         {"HTTP/1.1 500 Oops\r\n\r\n", "HTTP/1.1 302 Found\r\n\r\n", "hello\r\n\r\n",
          "HTTP/1.1 200 OK\r\nZcomet-Expires: x\r\n\r\n", ""}) {
        CAPTURE(bytes);
        auto browser = fixture.ask("/lines/a");
        {
            const Peer peer = fixture.backend.accept();
            fixture.turn();
            CHECK_FALSE(peer.received().empty());
            peer.send(bytes);
        }
        fixture.turn();
        const std::string answer = browser.received();
        CHECK(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
        CHECK(answer.find("Retry-After: 5\r\n") != std::string::npos);
    }
    CHECK(fixture.count(WorkerCounter::kHookFailed) == 5);
    CHECK(fixture.hook.last_failure() == failure::kClosed);
    fixture.backend.fd.reset();
    auto browser = fixture.ask("/lines/a");
    fixture.turn();
    CHECK(browser.received().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(fixture.hook.last_failure() == failure::kConnect);
    // An EventSource would never come back after a 503.
    auto source = fixture.ask("/events/a", "Accept: text/event-stream\r\n");
    fixture.turn();
    CHECK(source.received().find("retry: ") != std::string::npos);
    CHECK(fixture.loop.logins.empty());
}

TEST_CASE("silence is 503 at the deadline", "[hook]") {
    Fixture fixture;
    auto browser = fixture.ask("/lines/a");
    const Peer peer = fixture.backend.accept();
    fixture.turn();
    peer.send("HTTP/1.1 200 OK\r\n");
    fixture.loop.now += 1900ms;
    fixture.turn();
    CHECK(browser.received().empty());
    CHECK(fixture.hook.due() == fixture.loop.now + 100ms);
    fixture.loop.now += 100ms;
    fixture.turn();
    CHECK(browser.received().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(fixture.hook.last_failure() == failure::kSilence);
    CHECK(fixture.hook.due() == kNever);
}

TEST_CASE("requests to the hook are bounded, and so are those that wait", "[hook]") {
    Fixture fixture;
    std::vector<connection::Browser> browsers;
    for (std::size_t i = 0; i < Caller::kCallsMax + 3; ++i) {
        browsers.push_back(fixture.ask("/lines/a"));
    }
    fixture.turn();
    CHECK(fixture.count(WorkerCounter::kHookAsked) == Caller::kCallsMax);
    CHECK(fixture.hook.waiting() == Caller::kCallsMax + 3);
    const Peer peer = fixture.backend.accept();
    peer.send(kYes);
    fixture.turn();
    CHECK(fixture.count(WorkerCounter::kHookAsked) == Caller::kCallsMax + 1);
    // Others are served meanwhile.
    CHECK(fixture.loop.connect(Fixture::head("/healthz")).received().find("alive") !=
          std::string::npos);
    fixture.loop.now += 2s;
    fixture.turn();
    CHECK(fixture.hook.waiting() == 0);
    CHECK(fixture.count(WorkerCounter::kHookFailed) == Caller::kCallsMax + 2);
}

TEST_CASE("a host that asks very much neither waits before others nor takes their places",
          "[hook]") {
    Fixture fixture;
    REQUIRE(process::raise_file_limit() > 2 * Hook::kWaitingMax + 200);
    constexpr std::uint16_t kGreedy = 1;
    constexpr std::uint16_t kOther = 2;
    std::vector<connection::Browser> greedy;
    for (std::size_t i = 0; i < Hook::kWaitingMax; ++i) {
        greedy.push_back(fixture.loop.connect(Fixture::head("/lines/a"), kGreedy));
    }
    CHECK(fixture.hook.waiting() == Hook::kWaitingMax);
    auto other = fixture.loop.connect(Fixture::head("/lines/b"), kOther);
    CHECK(fixture.hook.waiting() == Hook::kWaitingMax); // one of the greedy has its verdict
    fixture.turn();
    CHECK(greedy.back().received().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(fixture.loop.connect(Fixture::head("/lines/a"), kGreedy)
              .received()
              .starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    const Peer first = fixture.backend.accept();
    const Peer second = fixture.backend.accept();
    static_cast<void>(first.received());
    static_cast<void>(second.received());
    first.send(kYes);
    fixture.turn();
    second.send(kYes);
    fixture.turn();
    // Both calls that became free went to the next hosts in turn, and one of these is the other.
    const std::string asked = first.received() + second.received();
    CHECK(asked.find("Zcomet-Id: b\r\n") != std::string::npos);
}

TEST_CASE("a client that goes away is forgotten", "[hook]") {
    Fixture fixture;
    auto browser = fixture.ask("/lines/a");
    const Peer peer = fixture.backend.accept();
    fixture.turn();
    browser.leave();
    fixture.turn();
    CHECK(fixture.hook.waiting() == 0);
    peer.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n");
    fixture.turn();
    CHECK(fixture.loop.logins.empty());
    // Its answer is of use to the next.
    auto next = fixture.ask("/lines/a");
    CHECK(next.received().starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(fixture.count(WorkerCounter::kHookHits) == 1);
    CHECK(fixture.count(WorkerCounter::kHookAsked) == 1);
    fixture.loop.now += 60s;
    auto late = fixture.ask("/lines/a");
    fixture.turn();
    CHECK(late.received().empty());
    CHECK(fixture.count(WorkerCounter::kHookAsked) == 2);
}

TEST_CASE("a connection that the backend closes while it waits costs nobody an answer", "[hook]") {
    Fixture fixture;
    auto first = fixture.ask("/lines/a");
    Peer peer = fixture.backend.accept();
    fixture.turn();
    peer.send(kYes);
    fixture.turn();
    CHECK(first.received().starts_with("HTTP/1.1 200 OK\r\n"));
    // It is closed, and asked at the same moment.
    peer.fd.reset();
    auto second = fixture.ask("/lines/b");
    fixture.turn();
    const Peer other = fixture.backend.accept();
    CHECK(other.received().find("Zcomet-Id: b\r\n") != std::string::npos);
    other.send(kYes);
    fixture.turn();
    CHECK(second.received().starts_with("HTTP/1.1 200 OK\r\n"));
    fixture.loop.now += Caller::kIdleMax;
    fixture.turn();
    CHECK(fixture.hook.due() == kNever);
}

} // namespace
} // namespace zcomet::webnode::hook
