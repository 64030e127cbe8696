// Tells the service manager that started us how we are: the part of sd_notify(3) that our programs
// need, in twenty lines in place of a library.
#pragma once

#include "topology/base/time.hpp"
#include "topology/loop/source.hpp"

#include <string>
#include <string_view>

namespace zcomet::process {

/// Says that the program is ready, that it ends, and, as a source of its loop, that the loop works:
/// a datagram at half the interval after which the manager would take the program for hung
/// (WatchdogSec=). Without a manager that listens (no $NOTIFY_SOCKET) it says nothing.
/// Thread: one. It never waits for the manager.
class Service : public loop::Source {
  public:
    /// Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID, and removes them: they are not for
    /// our children. Call it before any thread starts.
    Service();

    /// The program is ready: call it when the ready line is printed.
    void ready(Time now);
    /// The program begins to end.
    void stopping() const { notify("STOPPING=1"); }
    /// The same of a program that may take so long: the manager waits, even if its own patience
    /// (TimeoutStopSec=) is less.
    void stopping(Duration at_most) const;

    bool turn(Time now) override;
    [[nodiscard]] Time due() const override { return beat_at_; }

  private:
    void notify(std::string_view text) const;

    std::string address_;              // of the manager's socket; empty: none
    Duration beat_ = Duration::zero(); // zero: the manager does not watch us
    Time beat_at_ = kNever;
};

} // namespace zcomet::process
