// So many of something in a second, with a small burst.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstdint>

namespace zcomet {

/// Lets `per_second` events pass in a second on average, and as many at once after a quiet second.
/// It remembers only the time at which all of the burst is free again.
/// Thread: one.   Cost: O(1), 16 bytes.
class RateLimit {
  public:
    /// @param per_second  1 to 1,000,000,000.
    explicit RateLimit(std::uint32_t per_second) { set(per_second); }

    /// From now on so many. The burst may be longer for once.
    void set(std::uint32_t per_second) {
        interval_ = std::max(Duration(1s) / std::max(per_second, 1U), Duration(1));
    }

    /// @return whether one more event may pass at `now`; if so, it has passed.
    [[nodiscard]] bool allow(Time now) {
        if (now < next()) {
            return false;
        }
        free_at_ = std::max(free_at_, now) + interval_;
        return true;
    }
    /// When the next event may pass: Time::min() if none has passed yet.
    [[nodiscard]] Time next() const {
        return free_at_ == Time::min() ? Time::min() : free_at_ + interval_ - Duration(1s);
    }

  private:
    Duration interval_{};
    Time free_at_ = Time::min();
};

} // namespace zcomet
