// What a service manager that started us wants to hear: sd_notify(3), as much of it as a program of
// ours says. Twenty lines, in place of a library.
#pragma once

#include "topology/base/time.hpp"
#include "topology/loop/source.hpp"

#include <string>
#include <string_view>

namespace zcomet::process {

/// Says that the program is ready, that it ends, and, as a source of its loop, that the loop works:
/// a datagram at half the interval after which the manager would take it for hung (WatchdogSec=).
/// Without a manager that wants to hear (no $NOTIFY_SOCKET) it says nothing.
/// Thread: one. A manager that does not listen costs nothing, and nothing waits for it.
class Service : public loop::Source {
  public:
    /// Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID, and removes them, since they are not
    /// meant for our children. Call it before any thread starts.
    Service();

    /// The program is ready: call it when the ready line is printed.
    void ready(Time now);
    /// The program begins to end.
    void stopping() const { notify("STOPPING=1"); }

    bool turn(Time now) override;
    [[nodiscard]] Time due() const override { return beat_at_; }

  private:
    void notify(std::string_view text) const;

    std::string address_;              // of the manager's socket; empty: none
    Duration beat_ = Duration::zero(); // zero: it does not watch us
    Time beat_at_ = kNever;
};

} // namespace zcomet::process
