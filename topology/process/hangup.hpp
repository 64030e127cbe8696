// SIGHUP as an event: a program reads again what may change, and never ends because of it.
#pragma once

#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/loop/source.hpp"

#include <sys/types.h>

#include <array>
#include <functional>
#include <optional>
#include <span>

namespace zcomet::process {

/// A source of a program's loop. The keeper of other processes passes the signal on, together with
/// what it has read, in the number that a queued signal carries (sigqueue(3)).
/// Thread: one.
class Hangup : public loop::Source {
  public:
    /// @param passed  the number that the sender of the signal added; nothing if it came from
    /// kill(1) or a terminal.
    using Handler = std::function<void(std::optional<int> passed)>;

    /// From now on SIGHUP waits for the loop, in this thread and in those that it starts later.
    /// Call before any thread starts. Throws std::system_error if the process is out of
    /// descriptors.
    explicit Hangup(Handler handler);

    bool turn(Time now) override;
    [[nodiscard]] std::span<const int> fds() const override { return fds_; }

  private:
    Handler handler_;
    UniqueFd signals_;
    std::array<int, 1> fds_;
};

/// Sends SIGHUP with a number to a process that has a Hangup. Does nothing for pid 0.
void pass_hangup_on(pid_t pid, int number);

} // namespace zcomet::process
