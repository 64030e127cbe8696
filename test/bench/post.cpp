// bench-post: publishes messages by HTTP as a backend does: POSTs over a few connections that stay
// open, one request at a time on each. It is the same program for each server that is measured.
// When all requests are answered it ends with one line of JSON.
//
//     request = "POST " PATH " HTTP/1.1" CRLF fields CRLF message    {id} in PATH is a random id
//     message = 1*"x" " ts=" NANOSECONDS                             as zcomet-msggen --stamp has
//     it
#include "tools/floodtest/histogram.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/loop/loop.hpp"
#include "topology/net/lookup.hpp"
#include "topology/net/socket_address.hpp"
#include "topology/program/program.hpp"
#include "topology/wire/endpoint.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace zcomet {

namespace {

/// How long the server may take to answer.
constexpr Duration kPatience = 20s;
constexpr std::size_t kBufferBytes = 16U << 10U;
constexpr std::string_view kIdMark = "{id}";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

struct Options {
    std::string to;
    std::string path;
    std::size_t connections = 8;
    std::uint64_t count = 0;
    double per_s = 0; ///< 0: each connection sends when it has its answer
    std::uint64_t ids = 1;
    std::uint64_t first_id = 1;
    std::size_t size_bytes = 100;
};

double own_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// ---- The answer --------------------------------------------------------------------------------

/// The value of a head's field; nothing: it has no such field.
std::optional<std::string_view> field(std::string_view head, std::string_view name) {
    for (std::size_t line = head.find("\r\n"); line != std::string_view::npos;
         line = head.find("\r\n", line + 2)) {
        const std::string_view rest = head.substr(line + 2);
        if (rest.size() > name.size() && rest[name.size()] == ':' &&
            ::strncasecmp(rest.data(), name.data(), name.size()) == 0) {
            std::string_view value =
                rest.substr(name.size() + 1, rest.find("\r\n") - name.size() - 1);
            value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
            return value;
        }
    }
    return std::nullopt;
}

std::uint64_t number_in(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end == text.data()) {
        throw std::runtime_error(fmt::format("'{}' is no number", text));
    }
    return number;
}

/// @return the status of the answer that `bytes` is; nothing: it is not complete.
std::optional<std::uint64_t> status_of(std::string_view bytes) {
    const std::size_t head_end = bytes.find(kHeadEnd);
    if (head_end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view head = bytes.substr(0, head_end);
    const auto length = field(head, "Content-Length");
    if (!head.starts_with("HTTP/1.1 ") || !length) {
        throw std::runtime_error(fmt::format("this answer has no length: {}", head));
    }
    const std::size_t whole = head_end + kHeadEnd.size() + number_in(*length);
    if (bytes.size() > whole) {
        throw std::runtime_error(fmt::format("there is more than an answer: {}", bytes));
    }
    return bytes.size() == whole ? std::optional(number_in(head.substr(9, 3))) : std::nullopt;
}

// ---- The client --------------------------------------------------------------------------------

UniqueFd connect_to(const net::SocketAddress& address) {
    UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (::connect(fd.get(), address.get(), address.size) != 0 ||
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        throw_errno("cannot connect");
    }
    return fd;
}

class Client {
  public:
    explicit Client(const Options& options) : options_(options) {
        const wire::HostPort to = value_or_throw(wire::parse_host_port(options.to));
        const auto addresses =
            value_or_throw(net::resolve_within(to, net::Purpose::kConnect, kPatience));
        for (std::size_t i = 0; i < options.connections; ++i) {
            connections_.push_back({.fd = connect_to(addresses.front())});
            if (!loop_.epoll().add(connections_[i].fd.get(), EPOLLIN, loop::Loop::kFirstTag + i)) {
                throw_errno("cannot watch a descriptor");
            }
            idle_.push_back(i);
        }
        const std::size_t mark = options.path.find(kIdMark);
        if (mark == std::string::npos) {
            throw std::runtime_error("the path has no {id}");
        }
        before_id_ = "POST " + options.path.substr(0, mark);
        after_id_ =
            fmt::format("{} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\n"
                        "Content-Length: {}\r\n\r\n",
                        options.path.substr(mark + kIdMark.size()), to.text(), options.size_bytes);
    }

    /// Sends all messages, and waits for all answers.
    void run() {
        began_ns_ = wall_clock_ns();
        start_ = heard_ = Clock::now();
        while (answered_ < options_.count) {
            const std::uint64_t before = answered_;
            send_due(Clock::now());
            loop_.turn(wake_at(), [this](const epoll_event& event, Time now) {
                receive(event.data.u64 - loop::Loop::kFirstTag, now);
            });
            if (before != answered_ || idle_.size() == connections_.size()) {
                heard_ = Clock::now();
            } else if (Clock::now() > heard_ + kPatience) {
                throw std::runtime_error("the server does not answer");
            }
        }
        end_ = Clock::now();
    }

    void print() const {
        const double seconds = std::chrono::duration<double>(end_ - start_).count();
        const nlohmann::json json{
            {"messages", options_.count},
            {"began_ns", began_ns_},
            {"seconds", seconds},
            {"per_s", static_cast<double>(options_.count) / seconds},
            {"cpu_s", own_cpu_s()},
            {"statuses", statuses_},
            {"answer_ns",
             {{"p50", answer_times_.percentile_ns(50)}, {"p99", answer_times_.percentile_ns(99)}}}};
        fmt::print("{}\n", json.dump());
    }

  private:
    struct Connection {
        UniqueFd fd;
        Time sent{};
        std::string answer{};
    };

    Time due() const {
        if (options_.per_s <= 0) {
            return start_;
        }
        const std::chrono::duration<double> offset(static_cast<double>(sent_) / options_.per_s);
        return start_ + std::chrono::duration_cast<Duration>(offset);
    }
    bool may_send() const { return !idle_.empty() && sent_ < options_.count; }
    Time wake_at() const { return may_send() ? due() : Clock::now() + kPatience; }

    void send_due(Time now) {
        while (may_send() && due() <= now) {
            Connection& connection = connections_[idle_.back()];
            idle_.pop_back();
            ++sent_;
            connection.sent = now;
            write_request();
            const ssize_t count =
                ::send(connection.fd.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
            if (count != static_cast<ssize_t>(request_.size())) {
                throw_errno("cannot send a request");
            }
        }
    }

    void write_request() {
        const std::uint64_t id = options_.first_id + random_() % options_.ids;
        const std::string stamp = fmt::format(" ts={}", wall_clock_ns());
        request_.assign(before_id_).append(std::to_string(id)).append(after_id_);
        request_.append(options_.size_bytes - stamp.size(), 'x').append(stamp);
    }

    void receive(std::size_t index, Time now) {
        Connection& connection = connections_[index];
        const ssize_t count =
            ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count <= 0) {
            throw std::runtime_error("the server closed a connection");
        }
        connection.answer.append(buffer_.data(), static_cast<std::size_t>(count));
        if (const auto status = status_of(connection.answer)) {
            ++statuses_[std::to_string(*status)];
            answer_times_.record(static_cast<std::uint64_t>(
                std::chrono::nanoseconds(now - connection.sent).count()));
            connection.answer.clear();
            ++answered_;
            idle_.push_back(index);
        }
    }

    Options options_;
    loop::Loop loop_;
    std::vector<Connection> connections_;
    std::vector<std::size_t> idle_; // connections that await no answer
    std::string before_id_;         // the request up to the id
    std::string after_id_;          // and from there to the message
    std::string request_;
    std::array<char, kBufferBytes> buffer_{};
    std::minstd_rand random_{1};
    std::uint64_t began_ns_ = 0;
    Time start_{};
    Time heard_{};
    Time end_{};
    std::uint64_t sent_ = 0;
    std::uint64_t answered_ = 0;
    std::map<std::string, std::uint64_t> statuses_;
    tools::floodtest::Histogram answer_times_;
};

void add_options(CLI::App& app, Options& options) {
    /// Bytes of the longest stamp.
    constexpr std::size_t kStampBytesMax = 24;
    app.add_option("--to", options.to, "The server")->type_name("HOST:PORT")->required();
    app.add_option("--path", options.path, "Where to publish; {id} stands for an id")->required();
    app.add_option("--connections", options.connections, "Connections, each for many requests")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.add_option("--count", options.count, "How many messages there are")
        ->type_name("N")
        ->required()
        ->check(CLI::PositiveNumber);
    app.add_option("--rate", options.per_s,
                   "Messages a second, as far as the connections have their answers; 0: as fast as "
                   "they have")
        ->type_name("PER_S")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    app.add_option("--ids", options.ids, "Each message goes to a random one of N ids")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--first-id", options.first_id, "The first of them")
        ->type_name("I")
        ->capture_default_str();
    app.add_option("--size", options.size_bytes, "Bytes of a message")
        ->type_name("BYTES")
        ->capture_default_str()
        ->check(CLI::Range(kStampBytesMax, std::size_t{65'536}));
}

} // namespace

} // namespace zcomet

int main(int argc, char** argv) {
    CLI::App app{"Publishes messages by HTTP as fast as the answers come", "bench-post"};
    zcomet::Options options;
    zcomet::add_options(app, options);
    zcomet::program::add_common_options(app);
    return zcomet::program::run_program(app, argc, argv, [&options] {
        zcomet::Client client(options);
        client.run();
        client.print();
        return 0;
    });
}
