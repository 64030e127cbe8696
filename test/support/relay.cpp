#include "test/support/relay.hpp"

#include "topology/net/socket_address.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

namespace zcomet::test {
namespace {

constexpr int kBacklog = 16;

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

net::SocketAddress address_of(const wire::HostPort& where) {
    return net::resolve(where, net::Purpose::kConnect).value().front();
}

UniqueFd tcp_socket() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        throw_errno("socket");
    }
    return fd;
}

} // namespace

/// A client's connection and its way to the server, with the bytes that one of them has sent and
/// the other one has no room for yet.
struct Relay::Pair {
    struct Way {
        int from;
        int to;
        std::string waiting;
    };

    Pair(UniqueFd client_fd, UniqueFd server_fd)
        : client(std::move(client_fd)),
          server(std::move(server_fd)), ways{Way{client.get(), server.get(), {}},
                                             Way{server.get(), client.get(), {}}} {}

    /// What the two sockets wait for.
    [[nodiscard]] std::array<pollfd, 2> wants() const {
        std::array<pollfd, 2> wants{pollfd{client.get(), 0, 0}, pollfd{server.get(), 0, 0}};
        for (std::size_t i = 0; i < ways.size(); ++i) {
            if (ways[i].waiting.empty()) {
                wants[i].events |= POLLIN;
            } else {
                wants[1 - i].events |= POLLOUT;
            }
        }
        return wants;
    }
    /// Passes on what can be passed on. @return false if either end has closed its connection.
    [[nodiscard]] bool pass() {
        for (Way& way : ways) {
            if (way.waiting.empty()) {
                std::array<char, 65536> bytes; // NOLINT(cppcoreguidelines-pro-type-member-init)
                const ssize_t got = ::recv(way.from, bytes.data(), bytes.size(), MSG_DONTWAIT);
                if (got == 0 || (got < 0 && errno != EAGAIN)) {
                    return false;
                }
                way.waiting.assign(bytes.data(), static_cast<std::size_t>(got < 0 ? 0 : got));
            }
            const ssize_t sent =
                ::send(way.to, way.waiting.data(), way.waiting.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) {
                return false;
            }
            way.waiting.erase(0, static_cast<std::size_t>(sent < 0 ? 0 : sent));
        }
        return true;
    }

    UniqueFd client;
    UniqueFd server;
    std::array<Way, 2> ways;
};

Relay::Relay(const std::string& host, const wire::HostPort& server)
    : server_(server), listener_(tcp_socket()), news_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const int yes = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const net::SocketAddress address = address_of({host, server.port});
    if (!news_.valid() || ::bind(listener_.get(), address.get(), address.size) != 0 ||
        ::listen(listener_.get(), kBacklog) != 0) {
        throw_errno("cannot listen at " + wire::HostPort{host, server.port}.text());
    }
    thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
    is_ending_ = true;
    set(false);
    thread_.join();
}

void Relay::set(bool is_cut) {
    is_cut_ = is_cut;
    static_cast<void>(::eventfd_write(news_.get(), 1));
}

void Relay::run() {
    while (!is_ending_) {
        std::vector<pollfd> wants{{news_.get(), POLLIN, 0}};
        if (!is_cut_) {
            wants.push_back({listener_.get(), POLLIN, 0});
            for (const Pair& pair : pairs_) {
                const auto of_pair = pair.wants();
                wants.insert(wants.end(), of_pair.begin(), of_pair.end());
            }
        }
        ::poll(wants.data(), wants.size(), -1);
        eventfd_t ignored = 0;
        static_cast<void>(::eventfd_read(news_.get(), &ignored));
        if (is_cut_) {
            continue;
        }
        pairs_.remove_if([](Pair& pair) { return !pair.pass(); });
        if (wants.size() > 1 && wants[1].revents != 0) {
            accept_client();
        }
    }
}

void Relay::accept_client() {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    UniqueFd server = tcp_socket();
    const net::SocketAddress address = address_of(server_);
    if (client.valid() && ::connect(server.get(), address.get(), address.size) == 0) {
        pairs_.emplace_back(std::move(client), std::move(server));
    }
}

} // namespace zcomet::test
