#include "topology/loop/epoll.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>

namespace zcomet::loop {

namespace {

[[noreturn]] void die_of(int error) {
    std::fprintf(stderr, "cannot wait for events: epoll says \"%s\"\n", std::strerror(error));
    std::abort();
}

/// A kernel, or a filter of system calls, that has no epoll_pwait2().
bool is_unknown_call(int error) {
    return error == ENOSYS || error == EPERM;
}

} // namespace

Duration time_left(Time now, Time until) {
    if (until <= now) {
        return Duration::zero();
    }
    // now + max() would overflow only for times after the epoch, until - now only for those before.
    const bool is_far = now < Time() && until > now + Duration::max();
    return until == kNever || is_far ? Duration::max() : until - now;
}

Time time_after(Time now, Duration duration) {
    return duration < kNever - std::max(now, Time()) ? now + duration : kNever;
}

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

bool Epoll::add_or_modify(int fd, std::uint32_t events, std::uint64_t tag) {
    if (add(fd, events, tag)) {
        return true;
    }
    if (errno != EEXIST) {
        return false;
    }
    modify(fd, events, tag);
    return true;
}

void Epoll::remove_if_there(int fd) {
    const int failed = ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr);
    ZCOMET_ASSERT(failed == 0 || errno == ENOENT || errno == EBADF);
}

int Epoll::wait_for(Duration left) {
    if (has_nanoseconds_) {
        // Nanoseconds matter: epoll_wait() would round a gather window of 500 µs up to a
        // millisecond.
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
        const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
        const int count = ::epoll_pwait2(fd_.get(), events_.data(), kEventsMax, &timeout, nullptr);
        if (count >= 0 || !is_unknown_call(errno)) {
            return count;
        }
        has_nanoseconds_ = false;
    }
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return ::epoll_wait(fd_.get(), events_.data(), kEventsMax, static_cast<int>(ms));
}

std::span<const epoll_event> Epoll::wait(Time now, Time until) {
    const int count = wait_for(std::min(time_left(now, until), kLongestWait));
    if (count < 0 && errno != EINTR) {
        die_of(errno);
    }
    return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

} // namespace zcomet::loop
