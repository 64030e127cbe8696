#include "webnode/port/listener.hpp"

#include "topology/base/text.hpp"
#include "webnode/port/http_port.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
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
                   std::uint64_t tag, std::function<std::size_t()> held)
    : epoll_(epoll), counters_(counters), tag_(tag), held_(std::move(held)) {}

Status Listener::open(const wire::HostPort& address, Capacity capacity,
                      const KeepaliveTimes& keepalive) {
    Result<UniqueFd> opened = open_listener(address, keepalive);
    if (!opened.ok()) {
        return opened.error();
    }
    socket_ = std::move(opened).value();
    capacity_ = capacity;
    if (!epoll_.add(socket_.get(), EPOLLIN, tag_)) {
        return Error{std::string("cannot watch the listening socket: ") + std::strerror(errno)};
    }
    return Done{};
}

int Listener::accept_one(Time now) {
    for (;;) {
        const int fd = ::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
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

void Listener::begin_to_leave(Time now, const char* reason) {
    turn_away(socket_.get());
    stage_ = Stage::kLeaving;
    leave_at_ = now + kLeavingTime;
    counters_.add(slot::WorkerCounter::kFullTimes);
    if (const auto times = full_log_.pass(now); times > 0) {
        spdlog::warn("event=full reason={} streams_max={} times={}", log_value(reason),
                     capacity_.connections, times);
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
    counters_.set(slot::WorkerCounter::kFull, 1);
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
    if (const auto times = room_log_.pass(now); times > 0) {
        spdlog::info("event=room connections={} streams_max={} times={}", held_(),
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

bool Listener::exhausted() const {
    return held_() >= capacity_.connections + capacity_.reserve;
}

bool Listener::has_room() const {
    return held_() + places_wanted(capacity_.connections) <= capacity_.connections;
}

} // namespace zcomet::webnode::port
