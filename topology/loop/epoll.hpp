// One epoll set: the one place that waits in the kernel for descriptors.
#pragma once

#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

namespace zcomet::loop {

/// Longer waits in the kernel are cut to this, so that conversions of the time left cannot
/// overflow. The waiting one then looks at its times again.
inline constexpr Duration kLongestWait = 24h;

/// The time from `now` to `until`: zero if `until` has come, Duration::max() if it is kNever or too
/// far away to count. No arguments make it overflow.
[[nodiscard]] Duration time_left(Time now, Time until);
/// The time `duration` after `now`; kNever if that is too far away to count.
[[nodiscard]] Time time_after(Time now, Duration duration);

/// Thread: one, for its whole life. A descriptor leaves the set when it is closed.
class Epoll {
  public:
    /// Throws std::system_error if the process is out of descriptors.
    Epoll();

    /// Readable when one of its descriptors is ready: an epoll set may be in another one.
    [[nodiscard]] int fd() const { return fd_.get(); }

    /// @return false if the kernel has no room for it (fs.epoll.max_user_watches, memory).
    [[nodiscard]] bool add(int fd, std::uint32_t events, std::uint64_t tag);
    /// Sets the events anew; with EPOLLET, what is ready already is reported once more. `fd` must
    /// be in the set.
    void modify(int fd, std::uint32_t events, std::uint64_t tag);

    /// Takes a descriptor out that stays open. `fd` must be in the set.
    void remove(int fd);

    /// As add() or modify(), whichever fits.
    /// @return as add().
    [[nodiscard]] bool add_or_modify(int fd, std::uint32_t events, std::uint64_t tag);
    /// As remove(), for a descriptor that may have left the set already.
    void remove_if_there(int fd);

    /// Waits until something is ready or `until` has come; with a time in the past it looks and
    /// returns at once. Returns early, with nothing, after a signal's handler has run. The result
    /// is valid until the next call.
    /// Errors: on a kernel without epoll_pwait2(2) (before 5.11, or with a filter of system calls)
    /// it uses epoll_wait(2), whose times are whole milliseconds. Any other error is our own bug,
    /// such as a closed descriptor. It ends the process with a line that names the error: a loop
    /// that took it for "nothing is ready" would spin and serve nobody.
    [[nodiscard]] std::span<const epoll_event> wait(Time now, Time until);

  private:
    /// Events handled between two looks at the clock and at the broker.
    /// @limit events that a loop handles in a turn
    static constexpr int kEventsMax = 256;

    [[nodiscard]] int wait_for(Duration left);

    UniqueFd fd_;
    bool has_nanoseconds_ = true; // the kernel has epoll_pwait2()
    std::array<epoll_event, kEventsMax> events_{};
};

} // namespace zcomet::loop
