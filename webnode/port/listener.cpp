#include "webnode/port/listener.hpp"

#include "topology/base/text.hpp"
#include "topology/http/http_front.hpp"
#include "topology/net/peer_address.hpp"
#include "topology/tls/records.hpp"
#include "webnode/port/http_port.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace zcomet::webnode::port {

namespace {

/// Places that must be free before a worker that was full listens again: a 64th of all, so that it
/// does not come and go with every stream; of few, an eighth, but no more than 16.
std::size_t places_wanted(std::size_t connections) {
    return std::max({connections / 64, std::min<std::size_t>(connections / 8, 16), std::size_t{1}});
}

} // namespace

Listener::Listener(loop::Epoll& epoll, metrics::Counters<slot::WorkerCounter>& counters,
                   std::uint64_t tag, std::function<std::size_t()> held, AddressPlaces& places,
                   std::string_view log_field)
    : epoll_(epoll), counters_(counters), tag_(tag), held_(std::move(held)), places_(places),
      log_field_(log_field) {}

Status Listener::open(const wire::HostPort& address, Capacity capacity,
                      const ConnectionOptions& options) {
    Result<UniqueFd> opened = open_listener(address, options);
    if (!opened.ok()) {
        return opened.error();
    }
    socket_ = std::move(opened).value();
    capacity_ = capacity;
    speaks_tls_ = options.speaks_tls;
    if (!epoll_.add(socket_.get(), EPOLLIN, tag_)) {
        return Error{std::string("cannot watch the listening socket: ") + std::strerror(errno)};
    }
    return Done{};
}

int Listener::accept_one(Time now, sockaddr_storage& address) {
    for (;;) {
        socklen_t size = sizeof address;
        const int fd = ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            counters_.add(slot::WorkerCounter::kAccepted);
            if (stage_ == Stage::kLeaving) {
                forget_turning_away(fd);
            }
            return fd;
        }
        switch (errno) {
        case EAGAIN:
            drained_ = true;
            return -1;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            on_shortage(now, std::strerror(errno));
            return -1;
        default: // this one connection broke before it was accepted: accept(2)
            continue;
        }
    }
}

/// A host that is alone may fill half of the worker: nobody else wants the places.
bool Listener::has_too_many(Origin origin) const {
    return is_half_full() && capacity_.per_address > 0 &&
           places_.held(origin) >= capacity_.per_address;
}

/// Nearly always the whole request has come by now. It is read, since closing a connection with
/// unread input is a reset, which can overtake the answer.
void Listener::refuse(int fd, const sockaddr_storage& address, Time now) {
    count_refusal(address, now);
    const std::string answer =
        speaks_tls_
            ? tls::plain_alert(tls::Alert::kInternalError) // there is none that says more
            : http::late_answer(http::error_reply(503, connection::kAddressFullWords), {}).bytes;
    std::array<char, 4096> request; // NOLINT(cppcoreguidelines-pro-type-member-init)
    static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
    static_cast<void>(::recv(fd, request.data(), request.size(), 0));
    ::close(fd);
}

bool Listener::place_client(connection::Connection& connection,
                            const std::optional<net::IpAddress>& client, Time now) {
    const sockaddr_storage address =
        client ? net::socket_address_of(*client, 0) : sockaddr_storage{};
    const Origin origin = places_.origin_of(address);
    if (origin == connection.origin()) {
        return true;
    }
    places_.give_back(connection.origin());
    connection.set_origin(0);
    if (has_too_many(origin)) {
        count_refusal(address, now);
        return false;
    }
    places_.take(origin);
    connection.set_origin(origin);
    return true;
}

void Listener::count_refusal(const sockaddr_storage& address, Time now) {
    counters_.add(slot::WorkerCounter::kAddressRefusals);
    if (const auto times = address_log_.pass(now); times > 0) {
        spdlog::warn("event=address-full{} address={} per_address={} times={} text=\"for clients "
                     "behind a proxy see --per-address\"",
                     log_field_, net::address_text(address), capacity_.per_address, times);
    }
}

void Listener::watch_addresses() {
    const std::uint32_t most = places_.most();
    counters_.set(slot::WorkerCounter::kAddressMost, most);
    const std::uint32_t bounded = is_half_full() ? most : 0;
    if (near_per_address_.note(bounded, capacity_.per_address)) {
        spdlog::warn("event=near-limit{} limit=per-address used={} of={}", log_field_, most,
                     capacity_.per_address);
    }
}

void Listener::turn_clients_away(Time now) {
    turn_away(socket_.get());
    stage_ = Stage::kLeaving;
    leave_at_ = now + kLeavingTime;
}

void Listener::withdraw(Time now) {
    is_withdrawn_ = true;
    if (is_open() && stage_ == Stage::kIn) {
        turn_clients_away(now);
    }
}

void Listener::readmit() {
    is_withdrawn_ = false;
    returns_quietly_ = true;
}

void Listener::begin_to_leave(Time now, const char* reason) {
    turn_clients_away(now);
    counters_.add(slot::WorkerCounter::kFullTimes);
    if (const auto times = full_log_.pass(now); times > 0) {
        spdlog::warn("event=full{} reason={} streams_max={} times={}", log_field_,
                     log_value(reason), capacity_.connections, times);
    }
}

void Listener::turn_away_for_good() {
    if (is_open() && stage_ == Stage::kIn) {
        turn_away(socket_.get());
        stage_ = Stage::kLeaving;
        leave_at_ = kNever;
        drained_ = false;
    }
}

void Listener::on_shortage(Time now, const char* reason) {
    drained_ = true;
    return_at_ = now + kShortageTime;
    if (stage_ == Stage::kIn) {
        begin_to_leave(now, reason);
    }
    // The socket would be reported ready again and again. Connections that wait get another chance
    // before it leaves.
    epoll_.modify(socket_.get(), 0, tag_);
}

void Listener::leave_or_return(Time now) {
    if (!is_open()) {
        return;
    }
    if (stage_ == Stage::kLeaving && (exhausted() || (leave_at_ <= now && drained_))) {
        leave();
    }
    if (stage_ == Stage::kOut && due() <= now) {
        come_back(now);
    }
}

void Listener::leave() {
    epoll_.remove(socket_.get()); // epoll would report it as hung up for ever
    leave_group(socket_.get());
    stage_ = Stage::kOut;
    counters_.set(slot::WorkerCounter::kFull, is_withdrawn_ ? 0 : 1);
}

void Listener::come_back(Time now) {
    const Status joined = join_group(socket_.get());
    if (!joined.ok() || !epoll_.add(socket_.get(), EPOLLIN, tag_)) {
        leave_group(socket_.get());
        return_at_ = now + kShortageTime;
        return;
    }
    stage_ = Stage::kIn;
    counters_.set(slot::WorkerCounter::kFull, 0);
    if (std::exchange(returns_quietly_, false)) {
        return;
    }
    if (const auto times = room_log_.pass(now); times > 0) {
        spdlog::info("event=room{} connections={} streams_max={} times={}", log_field_, held_(),
                     capacity_.connections, times);
    }
}

Time Listener::due() const {
    if (!is_open()) {
        return kNever;
    }
    switch (stage_) {
    case Stage::kIn:
        break;
    case Stage::kLeaving:
        return leave_at_;
    case Stage::kOut:
        return has_room() ? return_at_ : kNever;
    }
    return kNever;
}

bool Listener::is_half_full() const {
    return held_() >= capacity_.connections / 2;
}

bool Listener::exhausted() const {
    return held_() >= capacity_.connections + capacity_.reserve;
}

bool Listener::has_room() const {
    return !is_withdrawn_ &&
           held_() + places_wanted(capacity_.connections) <= capacity_.connections;
}

} // namespace zcomet::webnode::port
