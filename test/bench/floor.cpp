// The least that a comet server can do, to compare ours with it: it accepts, reads the request,
// writes a head, puts the socket into an epoll set; later it writes chunks to random streams. No
// parsing, no ids, no broker: only the cost of the system calls. One process; the benchmark starts
// as many as the limit of open files requires, on one port.
//
// It takes orders on standard input, one a line, and answers each with a line:
//
//     send COUNT PER_S SIZE   COUNT chunks to random streams, PER_S a second (0: flat out), each
//     with a
//                             message of SIZE bytes that ends in a stamp
//     all SIZE STAMP          one such chunk to each stream, all with the same stamp
//     signs SECONDS           one sign of life to each stream, evenly over this time
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/process/file_limit.hpp"
#include "topology/program/program.hpp"
#include "topology/wire/endpoint.hpp"

#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/fmt/fmt.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace zcomet;

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: text/html; charset=utf-8\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: floor\r\nTransfer-Encoding: chunked\r\n"
    "X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\n\r\n";
constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;
constexpr int kEventsMax = 256;
/// As many as a worker of Zcomet gives at once to its share of a million streams: it wakes up for
/// 64 slots, and writes to half of them.
constexpr std::size_t kSignsAtOnce = 32;
/// Of server-sent events.
constexpr std::string_view kSign = "2\r\n:\n\r\n";
constexpr std::uint64_t kListenerTag = UINT64_MAX;
constexpr std::uint64_t kOrdersTag = UINT64_MAX - 1;
constexpr std::uint64_t kSignalTag = UINT64_MAX - 2;

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

UniqueFd listen_at(std::uint16_t port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd.get(), kBacklog) != 0) {
        throw_errno("cannot listen");
    }
    return fd;
}

std::uint16_t port_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

class Floor {
  public:
    explicit Floor(std::uint16_t port)
        : listener_(listen_at(port)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        watch(listener_.get(), EPOLLIN, kListenerTag);
        watch(STDIN_FILENO, EPOLLIN, kOrdersTag);
    }

    [[nodiscard]] std::uint16_t port() const { return port_of(listener_.get()); }

    void run(int signal_fd) {
        watch(signal_fd, EPOLLIN, kSignalTag);
        while (turn()) {
        }
    }

  private:
    struct Stream {
        int fd = -1;
        std::uint32_t messages = 0;
    };

    /// @return false when it is time to stop.
    bool turn() {
        std::array<epoll_event, kEventsMax> events{};
        const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsMax, -1);
        for (int i = 0; i < count; ++i) {
            switch (events[static_cast<std::size_t>(i)].data.u64) {
            case kListenerTag:
                accept_some();
                break;
            case kOrdersTag:
                if (!take_order()) {
                    return false;
                }
                break;
            case kSignalTag:
                return false;
            default:
                break; // a stream has ended; the benchmark is over then, too
            }
        }
        return true;
    }

    void watch(int fd, std::uint32_t events, std::uint64_t tag) {
        epoll_event event{};
        event.events = events;
        event.data.u64 = tag;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
            throw_errno("cannot watch a descriptor");
        }
    }

    void accept_some() {
        std::array<char, 4096> request; // NOLINT(cppcoreguidelines-pro-type-member-init)
        for (int i = 0; i < kAcceptsPerTurn; ++i) {
            const int fd =
                ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) {
                return;
            }
            if (::recv(fd, request.data(), request.size(), MSG_DONTWAIT) <= 0) {
                throw_errno("a connection came without a request");
            }
            watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET, streams_.size());
            streams_.push_back({fd, 0});
            if (::send(fd, kHead.data(), kHead.size(), MSG_NOSIGNAL) < 0) {
                throw_errno("cannot send a head");
            }
        }
    }

    bool take_order() {
        std::string line;
        if (!std::getline(std::cin, line)) {
            return false;
        }
        std::istringstream order(line);
        std::string verb;
        std::size_t size = 0;
        order >> verb;
        if (verb == "all") {
            std::uint64_t stamp_ns = 0;
            order >> size >> stamp_ns;
            send_all(size, stamp_ns);
        } else if (verb == "send") {
            std::uint64_t count = 0;
            double per_s = 0;
            order >> count >> per_s >> size;
            send_paced(count, per_s, size);
        } else if (verb == "signs") {
            double seconds = 0;
            order >> seconds;
            send_signs(seconds);
        }
        std::cout << (order ? "done" : "what?") << std::endl;
        return true;
    }

    void send_chunk(Stream& stream, std::size_t size, std::uint64_t stamp_ns) {
        const std::string stamp = fmt::format(" ts={}", stamp_ns);
        message_.assign(size - std::min(size, stamp.size()), 'x');
        message_ += stamp;
        chunk_.clear();
        const std::string before = fmt::format("Recvd msg #{}: '", ++stream.messages);
        constexpr std::string_view kAfter = "'<br/>\n";
        fmt::format_to(std::back_inserter(chunk_), "{:x}\r\n{}{}{}\r\n",
                       before.size() + message_.size() + kAfter.size(), before, message_, kAfter);
        send_bytes(stream, chunk_);
    }

    static void send_bytes(const Stream& stream, std::string_view bytes) {
        const ssize_t sent =
            ::send(stream.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent != static_cast<ssize_t>(bytes.size())) {
            throw_errno("a socket did not take a chunk");
        }
    }

    void send_all(std::size_t size, std::uint64_t stamp_ns) {
        for (Stream& stream : streams_) {
            send_chunk(stream, size, stamp_ns);
        }
    }

    void send_signs(double seconds) {
        const Time start = Clock::now();
        const double for_each =
            seconds / static_cast<double>(std::max<std::size_t>(streams_.size(), 1));
        for (std::size_t i = 0; i < streams_.size(); ++i) {
            if (i % kSignsAtOnce == 0) {
                const std::chrono::duration<double> offset(static_cast<double>(i) * for_each);
                std::this_thread::sleep_until(start + std::chrono::duration_cast<Duration>(offset));
            }
            send_bytes(streams_[i], kSign);
        }
    }

    void send_paced(std::uint64_t count, double per_s, std::size_t size) {
        const Time start = Clock::now();
        for (std::uint64_t i = 0; i < count; ++i) {
            if (per_s > 0) {
                const std::chrono::duration<double> offset(static_cast<double>(i) / per_s);
                std::this_thread::sleep_until(start + std::chrono::duration_cast<Duration>(offset));
            }
            const std::size_t which =
                std::uniform_int_distribution<std::size_t>(0, streams_.size() - 1)(random_);
            send_chunk(streams_[which], size, wall_clock_ns());
        }
    }

    UniqueFd listener_;
    UniqueFd epoll_;
    std::vector<Stream> streams_;
    std::minstd_rand random_;
    std::string message_;
    std::string chunk_;
};

} // namespace

int main(int argc, char** argv) {
    CLI::App app("The least that a comet server can do, for comparison", "bench-floor");
    std::uint16_t port = 0;
    app.add_option("--port", port, "Where to listen on 127.0.0.1; 0: any port");
    program::add_common_options(app);
    return program::run_program(app, argc, argv, [&port] {
        process::raise_file_limit();
        const UniqueFd signals = program::catch_termination_signals();
        Floor floor(port);
        program::print_ready("bench-floor", fmt::format("port={}", floor.port()));
        floor.run(signals.get());
        return 0;
    });
}
