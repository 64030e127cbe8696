#include "topology/loop/epoll.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace zcomet::loop {

Epoll::Epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!fd_.valid()) {
        throw std::system_error(errno, std::generic_category(), "cannot make an epoll set");
    }
}

bool Epoll::add(int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    return ::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Epoll::modify(int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    const int failed = ::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event);
    ZCOMET_ASSERT(failed == 0);
}

void Epoll::remove(int fd) {
    const int failed = ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr);
    ZCOMET_ASSERT(failed == 0);
}

std::span<const epoll_event> Epoll::wait(Time now, Time until) {
    // Nanoseconds matter: epoll_wait() would round a gather window of 500 µs up to a millisecond.
    timespec timeout{};
    if (until > now && until != kNever) {
        const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - now);
        timeout.tv_sec = left.count() / 1'000'000'000;
        timeout.tv_nsec = left.count() % 1'000'000'000;
    }
    const int count = ::epoll_pwait2(fd_.get(), events_.data(), kEventsMax,
                                     until == kNever ? nullptr : &timeout, nullptr);
    return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

} // namespace zcomet::loop
