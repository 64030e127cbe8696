#include "webnode/listener.hpp"

#include "webnode/http_port.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace zcomet {

Listener::Listener(Epoll& epoll, Counters<WorkerCounter>& counters, std::uint64_t tag)
    : epoll_(epoll), counters_(counters), tag_(tag) {}

Status Listener::open(const HostPort& address) {
    Result<UniqueFd> opened = open_listener(address);
    if (!opened.ok()) {
        return opened.error();
    }
    socket_ = std::move(opened).value();
    if (!epoll_.add(socket_.get(), EPOLLIN, tag_)) {
        return Error{std::string("cannot watch the listening socket: ") + std::strerror(errno)};
    }
    return Done{};
}

int Listener::accept_one(std::size_t room, Time now) {
    for (;;) {
        const int fd = ::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            counters_.add(WorkerCounter::kAccepted);
            return fd;
        }
        switch (errno) {
        case EAGAIN:
            return -1;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            pause(room, now, std::strerror(errno));
            return -1;
        default: // this one connection broke before it was accepted: accept(2)
            continue;
        }
    }
}

void Listener::pause(std::size_t room, Time now, const char* reason) {
    paused_until_ = now + kPause;
    room_at_pause_ = room;
    epoll_.modify(socket_.get(), 0, tag_);
    counters_.add(WorkerCounter::kAcceptPauses);
    if (const auto times = log_limit_.pass(); times > 0) {
        spdlog::warn("event=accept-paused reason=\"{}\" times={}", reason, times);
    }
}

void Listener::resume_if_possible(std::size_t room, Time now) {
    if (paused_until_ == kNever || !is_open()) {
        return;
    }
    if (room > room_at_pause_ || (room > 0 && paused_until_ <= now)) {
        paused_until_ = kNever;
        epoll_.modify(socket_.get(), EPOLLIN, tag_);
    } else if (paused_until_ <= now) {
        paused_until_ = now + kPause;
    }
}

} // namespace zcomet
