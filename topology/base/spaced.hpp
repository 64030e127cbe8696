// Work that a busy loop need not do in each of its turns.
#pragma once

#include "topology/base/time.hpp"

namespace zcomet {

/// Says at which turns to do it: not sooner than `each` after the last time, and not later than
/// that after a turn without it.
/// Thread: one.   Cost: a comparison a turn.
class Spaced {
  public:
    explicit Spaced(Duration each) : each_(each) {}

    /// To be asked each turn.   @return whether to do it now.
    [[nodiscard]] bool turn(Time now) {
        is_owed_ = now < next_;
        if (!is_owed_) {
            next_ = now + each_;
        }
        return !is_owed_;
    }
    /// When a turn is needed, because the last one put it off; kNever if it did not.
    [[nodiscard]] Time due() const { return is_owed_ ? next_ : kNever; }

  private:
    Duration each_;
    Time next_ = Time::min();
    bool is_owed_ = false;
};

} // namespace zcomet
