// Goal: the memory log has the numbers of /proc and of the admin page, in the lines of 2008.
// Method: texts as the kernel and a web node print them, and this process itself as a sample.
#include "tools/memlog/memlog.hpp"
#include "tools/memlog/memlog_connections.hpp"
#include "tools/memlog/process_tree.hpp"
#include "topology/base/unique_fd.hpp"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace memlog_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::memlog;
using Catch::Matchers::Contains;

TEST_CASE("a line is as date prints it, with tabs between", "[memlog]") {
    ::setenv("TZ", "BST-1", 1);
    ::tzset();
    CHECK(memlog_line(1224518305, {.rss_kb = 41120, .connections = 263, .pss_kb = 40011}) ==
          "Mon Oct 20 16:58:25 BST 2008\t1224518305\t41120\t263\t40011\n");
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    CHECK(memlog_line(1, {}) == "Thu Jan  1 00:00:01 UTC 1970\t1\t0\t0\t0\n");
}

TEST_CASE("the admin page's totals", "[memlog]") {
    const auto sample = parse_admin_stats(
        R"({"workers":[],"totals":{"rss_kb":7,"pss_kb":5,"streams":3,"connections":4}})");
    REQUIRE(sample.ok());
    CHECK(sample.value().rss_kb == 7);
    CHECK(sample.value().pss_kb == 5);
    CHECK(sample.value().connections == 3);
}

TEST_CASE("a page that is not an admin page is named", "[memlog]") {
    const std::string json = GENERATE(values<std::string>({
        "",
        "<html>",
        "[]",
        "{}",
        R"({"totals":3})",
        R"({"totals":{"rss_kb":7,"pss_kb":5}})",
        R"({"totals":{"rss_kb":"7","pss_kb":5,"streams":3}})",
    }));
    INFO(json);
    const auto sample = parse_admin_stats(json);
    REQUIRE_FALSE(sample.ok());
    CHECK_THAT(sample.error().text, Contains("not a web node's"));
}

namespace {

/// A port of this machine.
struct Port {
    Port() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address); // NOLINT(*-reinterpret-cast)
        REQUIRE(::bind(fd.get(), any, size) == 0);
        REQUIRE(::getsockname(fd.get(), any, &size) == 0);
        where.port = ntohs(address.sin_port);
    }
    /// Takes one connection, reads its request, answers with these bytes, and closes it.
    void answer(const std::string& bytes) const {
        const UniqueFd client(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
        std::string request;
        std::array<char, 4096> some{};
        while (request.find("\r\n\r\n") == std::string::npos) {
            const ssize_t got = ::recv(client.get(), some.data(), some.size(), 0);
            if (got <= 0) {
                return;
            }
            request.append(some.data(), static_cast<std::size_t>(got));
        }
        static_cast<void>(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }

    UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    wire::HostPort where{"127.0.0.1", 0};
};

} // namespace

TEST_CASE("an admin page that cannot be reached is told in true words", "[memlog]") {
    const Port port; // bound, and does not listen: it refuses connections
    const auto sample = sample_admin(port.where);
    REQUIRE_FALSE(sample.ok());
    CHECK(sample.error().text == "no answer from http://" + port.where.text() +
                                     "/stats: there is no connection; has the web node an --admin "
                                     "page there?");
}

TEST_CASE("an answer that is no page is told in true words", "[memlog]") {
    const Port port;
    REQUIRE(::listen(port.fd.get(), 1) == 0);
    const std::string url = "http://" + port.where.text() + "/stats";
    const std::string no_answer = "no answer from " + url + ": it took the connection, but closed";
    const std::vector<std::pair<std::string, std::string>> errors{
        {"", no_answer},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", no_answer},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", url + " answers with status 404"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "the answer is not a web node's: "}};
    for (const auto& [answer, error] : errors) {
        INFO(answer);
        std::thread server([&port, &bytes = answer] { port.answer(bytes); });
        const auto sample = sample_admin(port.where);
        server.join();
        REQUIRE_FALSE(sample.ok());
        CHECK_THAT(sample.error().text, Catch::Matchers::StartsWith(error));
    }
}

TEST_CASE("a process's parent, for any name of the process", "[memlog]") {
    CHECK(parse_parent("12 (zcomet-webnode) S 7 12 12 0") == 7);
    CHECK(parse_parent("12 (a) R 9 (b) c) S 7 12") == 7);
    CHECK_FALSE(parse_parent("").has_value());
    CHECK_FALSE(parse_parent("12 (cut").has_value());
    CHECK_FALSE(parse_parent("12 (cut)").has_value());
    CHECK_FALSE(parse_parent("12 (cut) S ").has_value());
    CHECK_FALSE(parse_parent("12 (name) S x").has_value());
}

TEST_CASE("descendants of any depth, and no other processes", "[memlog]") {
    const std::vector<ProcessParent> processes = {{9, 7}, {1, 0}, {5, 1}, {7, 5}, {8, 5}, {6, 1}};
    CHECK(descendants(5, processes) == std::vector<pid_t>{5, 7, 8, 9});
    CHECK(descendants(9, processes) == std::vector<pid_t>{9});
    // Read one after the other, the lines of /proc may contradict each other.
    CHECK(descendants(3, {{3, 4}, {4, 3}}) == std::vector<pid_t>{3, 4});
}

TEST_CASE("sockets from /proc/net/tcp", "[memlog]") {
    const auto sockets = parse_tcp_table(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0     "
        "   0 700 1 0000000000000000 100 0 0 10 0\n"
        "   1: 00000000000000000000000001000000:1F40 00000000000000000000000001000000:8124 01 "
        "00000000:00000000 00:00000000 00000000     0        0 701 1\n"
        "   2: 0100007F:1F40 0100007F:8125 06 00000000:00000000 03:00000000 00000000 0 0 0 3\n"
        "garbage\n   3: 0100007F 00000000:0000 0A\n");
    REQUIRE(sockets.size() == 3);
    CHECK(sockets[0].state == TcpSocket::State::kListening);
    CHECK(sockets[0].local_port == 8000);
    CHECK(sockets[0].inode == 700);
    CHECK(sockets[1].state == TcpSocket::State::kEstablished);
    CHECK(sockets[1].local_port == 8000);
    CHECK(sockets[1].inode == 701);
    CHECK(sockets[2].state == TcpSocket::State::kOther);
    CHECK(parse_tcp_table("").empty());
}

TEST_CASE("links to sockets", "[memlog]") {
    CHECK(parse_socket_link("socket:[4711]") == 4711);
    for (const char* other : {"", "socket:[]", "socket:[x]", "socket:[1", "pipe:[4711]", "/tmp"}) {
        CHECK_FALSE(parse_socket_link(other).has_value());
    }
}

TEST_CASE("connections are the established sockets of listening ports", "[memlog]") {
    using State = TcpSocket::State;
    const std::vector<TcpSocket> sockets = {
        {State::kListening, 80, 1},   {State::kListening, 81, 2},
        {State::kListening, 82, 3}, // another process listens there
        {State::kEstablished, 80, 4}, {State::kEstablished, 80, 5},
        {State::kEstablished, 81, 6}, {State::kEstablished, 80, 7},    // another process's
        {State::kEstablished, 82, 8}, {State::kEstablished, 40000, 9}, // an outgoing one
        {State::kOther, 80, 10},
    };
    const SocketInodes inodes = {1, 2, 4, 5, 6, 8, 9, 10};
    CHECK(count_connections(sockets, inodes, std::nullopt) == 3);
    CHECK(count_connections(sockets, inodes, 80) == 2);
    CHECK(count_connections(sockets, inodes, 82) == 0);
    CHECK(count_connections(sockets, {}, std::nullopt) == 0);
}

TEST_CASE("this process as a sample", "[memlog]") {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address); // NOLINT(*-reinterpret-cast)
    REQUIRE(::bind(listener.get(), generic, size) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), generic, &size) == 0);
    const UniqueFd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(out.get(), generic, size) == 0);
    const UniqueFd in(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(in.valid());

    const auto sample = sample_process(::getpid(), ntohs(address.sin_port));
    REQUIRE(sample.ok());
    REQUIRE(sample.value().has_value());
    CHECK(sample.value()->rss_kb > 1000);
    CHECK(sample.value()->pss_kb > 0);
    CHECK(sample.value()->pss_kb <= sample.value()->rss_kb);
    CHECK(sample.value()->connections == 1);
}

TEST_CASE("a process that does not exist gives no sample and no error", "[memlog]") {
    const auto sample = sample_process(std::numeric_limits<pid_t>::max(), std::nullopt);
    REQUIRE(sample.ok());
    CHECK_FALSE(sample.value().has_value());
}

} // namespace memlog_test
