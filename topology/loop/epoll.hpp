// One epoll set.
#pragma once

#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

namespace zcomet::loop {

/// Thread: one, for its whole life. A descriptor leaves the set when it is closed.
class Epoll {
  public:
    /// Throws std::system_error if the process is out of descriptors.
    Epoll();

    /// @return false if the kernel has no room for it (fs.epoll.max_user_watches, memory).
    [[nodiscard]] bool add(int fd, std::uint32_t events, std::uint64_t tag);
    /// Sets the events anew; with EPOLLET, what is ready already is reported once more. `fd` must
    /// be in the set.
    void modify(int fd, std::uint32_t events, std::uint64_t tag);

    /// Takes a descriptor out that stays open. `fd` must be in the set.
    void remove(int fd);

    /// Waits until something is ready or `until` has come; a time in the past: looks, and returns
    /// at once. The result is valid until the next call.
    [[nodiscard]] std::span<const epoll_event> wait(Time now, Time until);

  private:
    /// Events handled between two looks at the clock and at the broker.
    static constexpr int kEventsMax = 256;

    UniqueFd fd_;
    std::array<epoll_event, kEventsMax> events_{};
};

} // namespace zcomet::loop
