#include "topology/loop/readable.hpp"

#include "topology/loop/epoll.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace zcomet::loop {

bool await_readable(int fd, Time deadline) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    for (Time now = Clock::now();; now = Clock::now()) {
        const Duration left = std::min(time_left(now, deadline), kLongestWait);
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
        const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
        const int ready = ::ppoll(&waiting, 1, &timeout, nullptr);
        if (ready > 0) {
            return true;
        }
        const bool failed = ready < 0 && errno != EINTR;
        if (failed || (ready == 0 && left == Duration::zero())) {
            return false;
        }
    }
}

} // namespace zcomet::loop
