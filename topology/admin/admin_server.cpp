#include "topology/admin/admin_server.hpp"

#include "topology/base/text.hpp"
#include "topology/http/request_reader.hpp"
#include "topology/net/lookup.hpp"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace zcomet::admin {

namespace {

/// Tag of the listener; those of connections are their places.
constexpr std::uint64_t kListenerTag = ~std::uint64_t{0};
constexpr int kBacklog = 64;
constexpr unsigned kAcceptsPerTurn = 16;
/// Bytes read at once of input that is discarded.
constexpr std::size_t kDrainBytes = 4096;

bool would_block(int error) {
    return error == EAGAIN || error == EINTR;
}

Error cannot_serve(const wire::HostPort& address, int reason) {
    return {"cannot serve the admin page at " + address.text() + ": " +
            (reason == EADDRINUSE ? "the port is in use" : std::strerror(reason))};
}

/// SO_REUSEADDR alone: connections that linger (TIME_WAIT) do not keep a program from coming back.
Result<UniqueFd> listen_at(const wire::HostPort& address) {
    const Result<net::SocketAddress> where = net::listening_address(address);
    if (!where.ok()) {
        return where.error();
    }
    UniqueFd fd(::socket(where.value().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int yes = 1;
    if (!fd.valid() || !net::take_both_families(fd.get(), where.value()) ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(fd.get(), where.value().get(), where.value().size) != 0 ||
        ::listen(fd.get(), kBacklog) != 0) {
        return cannot_serve(address, errno);
    }
    return fd;
}

} // namespace

struct AdminServer::Connection {
    enum class Stage : std::uint8_t {
        kReading,   ///< the request comes in
        kWaiting,   ///< it is whole, and waits for its answer
        kWriting,   ///< the answer goes out
        kLingering, ///< it is written; the client is to close first
    };

    UniqueFd fd;
    Time deadline;
    Stage stage = Stage::kReading;
    http::RequestReader reader{};
    std::string input{};
    std::size_t request_bytes = 0; // of the input, once the request is whole
    std::string output{};
    std::size_t written = 0;
};

Result<std::unique_ptr<AdminServer>> AdminServer::open(const wire::HostPort& address,
                                                       std::vector<http::Route> pages,
                                                       AdminLimits limits) {
    Result<UniqueFd> listener = listen_at(address);
    if (!listener.ok()) {
        return listener.error();
    }
    wire::HostPort bound{address.host, net::bound_port(listener.value().get())};
    return std::unique_ptr<AdminServer>(
        new AdminServer(std::move(bound), std::move(listener).value(), std::move(pages), limits));
}

AdminServer::AdminServer(wire::HostPort address, UniqueFd listener, std::vector<http::Route> pages,
                         AdminLimits limits)
    : address_(std::move(address)), limits_(limits), listener_(std::move(listener)),
      pages_(std::move(pages), http::Keeping::kNever), places_(limits.connections_max) {
    pages_.guard(guard_);
    if (!epoll_.add(listener_.get(), EPOLLIN, kListenerTag)) {
        throw std::system_error(errno, std::generic_category(), "cannot watch the admin page");
    }
}

AdminServer::~AdminServer() = default;

std::size_t AdminServer::connection_count() const {
    return places_.size() -
           static_cast<std::size_t>(std::count(places_.begin(), places_.end(), nullptr));
}

bool AdminServer::turn(Time now) {
    for (const epoll_event& event : epoll_.wait(now, now)) {
        if (event.data.u64 == kListenerTag) {
            has_news_ = true;
        } else {
            on_event(event.data.u64, event.events, now);
        }
    }
    answer_next(now);
    close_late(now);
    // After all events: a place that is taken now has none in this turn.
    resume_accepting(now);
    if (std::exchange(has_news_, false) && accept_again_ == kNever) {
        accept_some(now);
    }
    due_ = next_due();
    return may_answer();
}

void AdminServer::on_event(std::size_t place, std::uint32_t events, Time now) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) { // the client is gone
        close(place);
        return;
    }
    switch (places_[place]->stage) {
    case Connection::Stage::kReading:
        return read(place, now);
    case Connection::Stage::kWaiting:
        return; // it watches for nothing but its end
    case Connection::Stage::kWriting:
        return write(place, now);
    case Connection::Stage::kLingering:
        return drain(place);
    }
}

void AdminServer::read(std::size_t place, Time now) {
    Connection& connection = *places_[place];
    const std::size_t before = connection.input.size();
    connection.input.resize(limits_.request_bytes_max);
    const ssize_t count = ::recv(connection.fd.get(), connection.input.data() + before,
                                 connection.input.size() - before, 0);
    connection.input.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count > 0) {
        judge(place, now);
    } else if (count == 0 || !would_block(errno)) {
        close(place); // the client is gone before its request was whole
    }
}

/// Looks whether the request is whole, or cannot become one.
void AdminServer::judge(std::size_t place, Time now) {
    Connection& connection = *places_[place];
    const http::RequestReader::Outcome outcome = connection.reader.read(connection.input);
    if (connection.reader.take_body_wish()) {
        const std::string_view head(connection.input.data(), connection.reader.head_bytes());
        if (const auto refusal = pages_.refuse_body(head, connection.reader.body_bytes())) {
            return begin_to_answer(place, *refusal, now);
        }
    }
    switch (outcome.verdict) {
    case http::RequestReader::Verdict::kComplete:
        connection.request_bytes = outcome.length;
        connection.stage = Connection::Stage::kWaiting;
        epoll_.modify(connection.fd.get(), 0, place);
        return;
    case http::RequestReader::Verdict::kRefuse:
        ++counts_.answered;
        return begin_to_write(place,
                              http::error_answer(outcome.status, connection.reader.is_head()), now);
    case http::RequestReader::Verdict::kNeedMore:
        break;
    }
    if (connection.reader.take_continue_wish()) {
        // The first bytes that are sent here: they fit, or the client is gone.
        static_cast<void>(::send(connection.fd.get(), http::kContinue.data(),
                                 http::kContinue.size(), MSG_NOSIGNAL));
    }
    if (connection.input.size() == limits_.request_bytes_max) {
        const bool head_is_whole = connection.input.find("\r\n\r\n") != std::string::npos;
        ++counts_.answered;
        begin_to_write(
            place, http::error_answer(head_is_whole ? 413 : 431, connection.reader.is_head()), now);
    }
}

bool AdminServer::may_answer() const {
    std::size_t unsent = 0;
    bool wanted = false;
    for (const auto& connection : places_) {
        if (connection != nullptr) {
            unsent += connection->output.size() - connection->written;
            wanted = wanted || connection->stage == Connection::Stage::kWaiting;
        }
    }
    return wanted && unsent < limits_.unsent_bytes_max;
}

/// Answers one request; the connections have their turns in a circle.
void AdminServer::answer_next(Time now) {
    if (!may_answer()) {
        return;
    }
    const auto waits = [this](std::size_t place) {
        return places_[place] != nullptr && places_[place]->stage == Connection::Stage::kWaiting;
    };
    while (!waits(next_ % places_.size())) {
        ++next_;
    }
    const std::size_t place = next_ % places_.size();
    next_ = place + 1;
    const std::string_view request(places_[place]->input.data(), places_[place]->request_bytes);
    begin_to_answer(place, pages_.handle(request), now);
}

void AdminServer::begin_to_answer(std::size_t place, const http::Answer& answer, Time now) {
    ++counts_.answered;
    if (answer.status == http::kMisdirected) {
        ++counts_.misdirected;
        if (const std::uint64_t times = misdirected_log_.pass(now); times > 0) {
            spdlog::warn("event=host-refused port=admin host={} times={} text=\"no name of this "
                         "server; --http-name adds one\"",
                         log_value(guard_.last_host()), times);
        }
    }
    begin_to_write(place, answer.bytes, now);
}

void AdminServer::begin_to_write(std::size_t place, std::string bytes, Time now) {
    Connection& connection = *places_[place];
    connection.stage = Connection::Stage::kWriting;
    connection.output = std::move(bytes);
    connection.input = {};
    epoll_.modify(connection.fd.get(), EPOLLOUT, place);
    write(place, now);
}

void AdminServer::write(std::size_t place, Time now) {
    Connection& connection = *places_[place];
    const std::string_view rest = std::string_view(connection.output).substr(connection.written);
    const ssize_t count = ::send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && !would_block(errno)) {
        close(place);
        return;
    }
    connection.written += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    if (connection.written < connection.output.size()) {
        return;
    }
    connection.stage = Connection::Stage::kLingering;
    connection.deadline = std::min(connection.deadline, now + limits_.linger_time);
    ::shutdown(connection.fd.get(), SHUT_WR);
    epoll_.modify(connection.fd.get(), EPOLLIN, place);
}

void AdminServer::drain(std::size_t place) {
    std::array<char, kDrainBytes> unread;
    const ssize_t count = ::recv(places_[place]->fd.get(), unread.data(), unread.size(), 0);
    if (count == 0 || (count < 0 && !would_block(errno))) {
        close(place);
    }
}

void AdminServer::close_late(Time now) {
    for (std::size_t place = 0; place < places_.size(); ++place) {
        const Connection* const connection = places_[place].get();
        if (connection == nullptr || connection->deadline > now) {
            continue;
        }
        if (connection->stage != Connection::Stage::kLingering) {
            ++counts_.late;
        }
        if (connection->stage == Connection::Stage::kReading && !connection->input.empty()) {
            const std::string answer = http::error_answer(408, connection->reader.is_head());
            static_cast<void>(
                ::send(connection->fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
        }
        close(place);
    }
}

/// Closing the descriptor would not be enough: a child that was forked a moment ago still has it,
/// so the epoll set would go on to report the socket, under a tag that another connection may have.
void AdminServer::close(std::size_t place) {
    epoll_.remove(places_[place]->fd.get());
    places_[place].reset();
}

void AdminServer::accept_some(Time now) {
    for (unsigned i = 0; i < kAcceptsPerTurn; ++i) {
        UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd.valid() && (errno == ECONNABORTED || errno == EINTR)) {
            continue;
        }
        if (!fd.valid() && errno == EAGAIN) {
            return;
        }
        if (!fd.valid() || !take_in(std::move(fd), now)) {
            // A connection that the system has no descriptor for stays where it is, and would wake
            // the loop again at once.
            return pause_accepting(errno, now);
        }
    }
}

/// @return false if the system has no room, with errno set.
bool AdminServer::take_in(UniqueFd fd, Time now) {
    ++counts_.accepted;
    const auto free = std::find(places_.begin(), places_.end(), nullptr);
    if (free == places_.end()) {
        ++counts_.refused;
        if (const std::uint64_t times = refused_log_.pass(now); times > 0) {
            spdlog::warn("event=admin-full connections={} times={} text=\"closing new ones\"",
                         places_.size(), times);
        }
        return true;
    }
    const auto place = static_cast<std::size_t>(free - places_.begin());
    if (!epoll_.add(fd.get(), EPOLLIN, place)) {
        const int reason = errno;
        fd.reset();
        errno = reason;
        return false;
    }
    *free = std::make_unique<Connection>(
        Connection{.fd = std::move(fd), .deadline = now + limits_.connection_time});
    return true;
}

void AdminServer::pause_accepting(int reason, Time now) {
    ++counts_.shortages;
    accept_again_ = now + limits_.shortage_pause;
    epoll_.modify(listener_.get(), 0, kListenerTag);
    if (const std::uint64_t times = shortage_log_.pass(now); times > 0) {
        spdlog::warn("event=admin-shortage reason={} times={} text=\"trying again\"",
                     log_value(std::strerror(reason)), times);
    }
}

void AdminServer::resume_accepting(Time now) {
    if (accept_again_ <= now) {
        accept_again_ = kNever;
        has_news_ = true;
        epoll_.modify(listener_.get(), EPOLLIN, kListenerTag);
    }
}

Time AdminServer::next_due() const {
    Time due = accept_again_;
    for (const auto& connection : places_) {
        due = connection == nullptr ? due : std::min(due, connection->deadline);
    }
    return due;
}

} // namespace zcomet::admin
