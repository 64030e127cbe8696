// A sign of life for the process that keeps this one running.
#pragma once

#include "topology/base/time.hpp"
#include "topology/loop/source.hpp"

#include <sys/eventfd.h>

namespace zcomet::process {

/// Counts in an eventfd(2), at least once a second while the loop that drives it works. The keeper
/// reads the count (KeptBroker). Writing never blocks: it would take 2^64 of them.
class Pulse : public loop::Source {
  public:
    /// The number that the descriptor has in a child of KeptBroker.
    static constexpr int kInheritedFd = 3;

    /// @param event_fd  borrowed, non-blocking.
    explicit Pulse(int event_fd) : event_fd_(event_fd) {}

    bool turn(Time now) override {
        if (due_ <= now) {
            due_ = now + kInterval;
            static_cast<void>(::eventfd_write(event_fd_, 1));
        }
        return false;
    }
    [[nodiscard]] Time due() const override { return due_; }

  private:
    static constexpr Duration kInterval = 1s;

    int event_fd_;
    Time due_ = loop::kAtOnce;
};

} // namespace zcomet::process
