// How a supervisor ends its workers: what the signals that it gets mean for them. Pure: signals and
// time in, orders out.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>

namespace zcomet::webnode::supervisor {

/// Thread: one at a time.
class Ending {
  public:
    /// What is said to the workers.
    enum class Order : std::uint8_t {
        kNone,
        kDrain, ///< SIGTERM: they move their streams
        kEnd,   ///< SIGINT: they end all streams now
        kKill,  ///< SIGKILL
    };

    /// Beyond the time that a drain takes: workers write what moved streams have not read, and say
    /// goodbye.
    /// @limit time of a worker beyond its drain, then SIGKILL
    static constexpr Duration kDrainPatience = 5s;
    /// Workers need a second to write what streams have not read. With their goodbye, and that of
    /// the broker, the web node takes two seconds.
    /// @limit time for a worker to end after SIGINT, then SIGKILL
    static constexpr Duration kEndPatience = 1800ms;
    /// @limit time for a worker to end after a second signal, then SIGKILL
    static constexpr Duration kAtOncePatience = 500ms;

    /// @param drain_max  how long a drain takes at most.
    explicit Ending(Duration drain_max) : drain_max_(drain_max) {}

    /// A signal has come: SIGTERM or SIGINT.   @return kDrain, kEnd or kNone.
    [[nodiscard]] Order on_signal(int number, Time now) {
        ++signals_;
        if (signals_ > 1) {
            kill_at_ = std::min(kill_at_, now + kAtOncePatience);
        } else if (number == SIGTERM) {
            kill_at_ = now + drain_max_ + kDrainPatience;
            return Order::kDrain;
        } else {
            kill_at_ = now + kEndPatience;
        }
        return signals_ > 2 ? Order::kNone : Order::kEnd;
    }
    /// @return kKill, once, when the time of the workers is over; else kNone.
    [[nodiscard]] Order on_time(Time now) {
        if (kill_at_ > now) {
            return Order::kNone;
        }
        kill_at_ = kNever;
        return Order::kKill;
    }
    /// When on_time() has something to say.
    [[nodiscard]] Time due() const { return kill_at_; }

  private:
    Duration drain_max_;
    unsigned signals_ = 0;
    Time kill_at_ = kNever;
};

} // namespace zcomet::webnode::supervisor
