// Goal: a whole load test, with its processes, counts correctly what a server does.
// Method: a server in a thread that gives every connection the same bytes. Runs end by themselves
// or because everything is settled, so nothing depends on how fast the machine is.
#include "tools/floodtest/flood_run.hpp"
#include "topology/base/unique_fd.hpp"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace flood_run_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::floodtest;

namespace {

const std::string kStreamHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kStreamChunks = "3\r\nabc\r\n7\r\na ts=12\r\n1\r\n.\r\n";

/// A listening socket on a free loopback port.
class Listener {
  public:
    explicit Listener(bool listens = true) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* generic = reinterpret_cast<sockaddr*>(&address); // NOLINT(*-reinterpret-cast)
        REQUIRE(::bind(fd_.get(), generic, size) == 0);
        REQUIRE((!listens || ::listen(fd_.get(), 512) == 0));
        REQUIRE(::getsockname(fd_.get(), generic, &size) == 0);
        port_ = ntohs(address.sin_port);
    }
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/test/{id}";
    }

  private:
    UniqueFd fd_;
    std::uint16_t port_ = 0;
};

/// Answers each connection with the same bytes, and then closes it or keeps it open.
class Server {
  public:
    enum class Then { kKeep, kClose };

    Server(std::string answer, Then then)
        : answer_(std::move(answer)), then_(then), thread_([this] { serve(); }) {}
    ~Server() { stop(); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::string url() const { return listener_.url(); }

    /// "SOURCE PATH" of each request, sorted. Ends the server.
    [[nodiscard]] std::vector<std::string> requests() {
        stop();
        std::sort(requests_.begin(), requests_.end());
        return requests_;
    }

  private:
    void stop() {
        ::shutdown(listener_.fd(), SHUT_RDWR);
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    void serve() {
        while (true) {
            sockaddr_in peer{};
            socklen_t size = sizeof(peer);
            auto* generic = reinterpret_cast<sockaddr*>(&peer); // NOLINT(*-reinterpret-cast)
            UniqueFd fd(::accept4(listener_.fd(), generic, &size, SOCK_CLOEXEC));
            if (!fd.valid()) {
                return;
            }
            answer(fd, peer);
            if (then_ == Then::kKeep) {
                kept_.push_back(std::move(fd));
            } else {
                // Closing is not enough: a process forked meanwhile holds the connection, too.
                ::shutdown(fd.get(), SHUT_WR);
            }
        }
    }

    void answer(const UniqueFd& fd, const sockaddr_in& peer) {
        std::string request;
        char buffer[4096];
        while (!request.ends_with("\r\n\r\n")) {
            const ssize_t count = ::recv(fd.get(), buffer, sizeof(buffer), 0);
            if (count <= 0) {
                return;
            }
            request.append(buffer, static_cast<std::size_t>(count));
        }
        char source[INET_ADDRSTRLEN] = "";
        ::inet_ntop(AF_INET, &peer.sin_addr, source, sizeof(source));
        const std::size_t path = request.find(' ') + 1;
        requests_.push_back(std::string(source) + " " +
                            request.substr(path, request.find(' ', path) - path));
        ::send(fd.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    }

    Listener listener_;
    std::string answer_;
    Then then_;
    std::vector<UniqueFd> kept_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

/// A run against `url` that ends as soon as every stream is open or has failed.
class Flood {
  public:
    explicit Flood(const std::string& url)
        : options{.plan = {.target = FloodTarget::parse(url).value(),
                           .sources = {},
                           .connections = 20,
                           .rate = 0,
                           .ids = 20,
                           .processes = 2},
                  .duration = 0s,
                  .stats_to = std::tmpfile()},
          signals(::eventfd(0, EFD_CLOEXEC)) {}
    ~Flood() { std::fclose(options.stats_to); }
    Flood(const Flood&) = delete;
    Flood& operator=(const Flood&) = delete;

    FloodResult run() { return run_flood(options, signals.get()); }

    [[nodiscard]] std::string stats() const {
        std::rewind(options.stats_to);
        char buffer[256] = "";
        const std::size_t size = std::fread(buffer, 1, sizeof(buffer), options.stats_to);
        return {buffer, size};
    }

    FloodRunOptions options;
    UniqueFd signals;
};

} // namespace

TEST_CASE("streams are opened, and their chunks and stamps counted", "[flood_run]") {
    Server server(kStreamHead + kStreamChunks, Server::Then::kKeep);
    Flood flood(server.url());
    const FloodResult result = flood.run();
    CHECK(result.passed());
    CHECK(result.totals.get(FloodCounter::kConnected) == 20);
    CHECK(result.totals.get(FloodCounter::kChunks) == 60);
    CHECK(result.connect_time.count() == 20);
    CHECK(result.latency.count() == 20);
    CHECK(result.last_message_ns >= result.began_ns);
    CHECK(flood.stats() == "Stats: {20,0,60}\n");
}

TEST_CASE("streams that end are closed, whether or not their body is complete", "[flood_run]") {
    const std::string end = GENERATE(values<std::string>({"", "0\r\n\r\n"}));
    Server server(kStreamHead + kStreamChunks + end, Server::Then::kClose);
    Flood flood(server.url());
    flood.options.duration.reset();
    const FloodResult result = flood.run();
    CHECK_FALSE(result.passed());
    CHECK(result.totals.get(FloodCounter::kConnected) == 20);
    CHECK(result.totals.get(FloodCounter::kClosed) == 20);
    CHECK(result.totals.get(FloodCounter::kChunks) == 60);
}

TEST_CASE("another status is a failure", "[flood_run]") {
    Server server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Server::Then::kKeep);
    const FloodResult result = Flood(server.url()).run();
    CHECK_FALSE(result.passed());
    CHECK(result.totals.get(FloodCounter::kBadStatus) == 20);
    CHECK(result.status_codes[404] == 20);
}

TEST_CASE("answers that are not comet streams are failures", "[flood_run]") {
    const std::string answer = GENERATE(values<std::string>(
        {"SSH-2.0-server\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"}));
    Server server(answer, Server::Then::kKeep);
    CHECK(Flood(server.url()).run().totals.get(FloodCounter::kMalformed) == 20);
}

TEST_CASE("a connection that ends before the head does is a failure", "[flood_run]") {
    Server server("HTTP/1.1 200 OK\r\n", Server::Then::kClose);
    CHECK(Flood(server.url()).run().totals.get(FloodCounter::kClosedEarly) == 20);
}

TEST_CASE("no server listens", "[flood_run]") {
    const Listener bound_only(false);
    CHECK(Flood(bound_only.url()).run().totals.get(FloodCounter::kRefused) == 20);
}

TEST_CASE("no server answers in time", "[flood_run]") {
    const Listener silent;
    Flood flood(silent.url());
    flood.options.plan.connect_timeout = 20ms;
    CHECK(flood.run().totals.get(FloodCounter::kTimedOut) == 20);
}

TEST_CASE("ids go round, and so do source addresses", "[flood_run]") {
    Server server(kStreamHead, Server::Then::kKeep);
    Flood flood(server.url());
    flood.options.plan.connections = 6;
    flood.options.plan.first_id = 7;
    flood.options.plan.ids = 3;
    flood.options.plan.sources = parse_source_addresses("127.0.0.2-127.0.0.3").value();
    const FloodResult result = flood.run();
    REQUIRE(result.passed());
    CHECK(result.last_message_ns == 0);
    CHECK(server.requests() == std::vector<std::string>{"127.0.0.2 /test/7", "127.0.0.2 /test/8",
                                                        "127.0.0.2 /test/9", "127.0.0.3 /test/7",
                                                        "127.0.0.3 /test/8", "127.0.0.3 /test/9"});
}

TEST_CASE("streams are opened at their rate", "[flood_run]") {
    Server server(kStreamHead, Server::Then::kKeep);
    Flood flood(server.url());
    flood.options.plan.rate = 200;
    const FloodResult result = flood.run();
    CHECK(result.passed());
    CHECK(result.opening_s >= 19 / 200.0);
}

TEST_CASE("more processes than streams", "[flood_run]") {
    Server server(kStreamHead, Server::Then::kKeep);
    Flood flood(server.url());
    flood.options.plan.connections = 1;
    flood.options.plan.processes = 3;
    CHECK(flood.run().totals.get(FloodCounter::kConnected) == 1);
}

TEST_CASE("a signal ends the run", "[flood_run]") {
    const Listener silent;
    Flood flood(silent.url());
    const std::uint64_t one = 1;
    REQUIRE(::write(flood.signals.get(), &one, sizeof(one)) == sizeof(one));
    const FloodResult result = flood.run();
    CHECK(result.interrupted);
    CHECK(result.passed());
    CHECK(result.totals.get(FloodCounter::kConnected) == 0);
}

} // namespace flood_run_test
