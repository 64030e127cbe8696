// How long to wait before a process that died is started again.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>

namespace zcomet::process {

/// A process that had run for a while is started at once, since its streams and ids are waiting.
/// One that dies again and again gets pauses that double, since each start takes processor time
/// from the others.
class RestartDelay {
  public:
    /// @param lived  how long the process had run when it died.
    [[nodiscard]] Duration after(Duration lived) {
        if (lived >= kStable) {
            next_ = Duration::zero();
        }
        const Duration delay = next_;
        next_ = std::clamp<Duration>(next_ * 2, kFirstPause, kLongestPause);
        return delay;
    }

    /// @limit life of a process after which it is started again without a pause
    static constexpr Duration kStable = 5s;
    /// @limit first pause before a restart; each further one is twice as long
    static constexpr Duration kFirstPause = 100ms;
    /// @limit longest pause before a restart
    static constexpr Duration kLongestPause = 5s;

  private:
    Duration next_ = Duration::zero();
};

} // namespace zcomet::process
