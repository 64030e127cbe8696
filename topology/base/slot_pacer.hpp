// Goes round all slots of a table once a lap, at an even pace: work for each of very many records
// never comes all at once.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace zcomet {

/// Pure: called with the time, it calls back with slots. Thread: one at a time.
class SlotPacer {
  public:
    /// @param lap   at least `step_max`.
    /// @param step  between turns: a compromise between wake-ups and slots in each.
    /// @param step_max  likewise, at least `step`: a turn waits so long for kFew / 2 slots, if not
    ///     for longer.
    SlotPacer(Duration lap, Time now, Duration step, Duration step_max)
        : lap_(lap), step_(step), step_max_(step_max), last_(now) {}

    /// When turn() next has something to do; kNever if there are no slots.
    [[nodiscard]] Time due(std::uint32_t slots) const {
        if (slots == 0) {
            return kNever;
        }
        const Duration for_each = lap_ / slots;
        return last_ + std::max({step_, std::min(step_max_, for_each * (kFew / 2)), for_each});
    }

    /// Calls `visit(first, count)` for the slots whose turn it is, if there are any. A turn that
    /// comes before due() is a turn as well.
    template <typename Visit> void turn(Time now, std::uint32_t slots, Visit&& visit) {
        const std::uint32_t first = hand_ < slots ? hand_ : 0;
        const std::uint32_t count =
            std::min({advance(now, slots), slots - first, most_at_once(slots)});
        hand_ = first + count;
        if (count > 0) {
            visit(first, count);
        }
    }

  private:
    /// Slots that a turn may always have.
    static constexpr std::uint32_t kFew = 128;

    /// A loop that was held up does not send a burst to catch up: twice its share, or a few.
    [[nodiscard]] std::uint32_t most_at_once(std::uint32_t slots) const {
        return std::max(kFew, static_cast<std::uint32_t>(2 * slots * step_ / lap_));
    }

    /// @return the slots for the time since the last turn; the rest of a slot is kept for the next.
    [[nodiscard]] std::uint32_t advance(Time now, std::uint32_t slots) {
        const Duration passed = std::min<Duration>(now - last_, lap_);
        last_ = now;
        if (slots == 0) {
            unused_ = Duration::zero();
            return 0;
        }
        unused_ += passed;
        const Duration for_each = std::max<Duration>(lap_ / slots, Duration(1));
        const auto count =
            static_cast<std::uint32_t>(std::min<std::int64_t>(unused_ / for_each, slots));
        unused_ = unused_ % for_each;
        return count;
    }

    Duration lap_;
    Duration step_;
    Duration step_max_;
    Time last_;
    Duration unused_ = Duration::zero();
    std::uint32_t hand_ = 0; // the next slot
};

} // namespace zcomet
