// Goes round all slots of a table once a lap, at an even pace: work for each of very many records
// never comes all at once.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <chrono>
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
        : lap_(lap), step_(step), step_max_(step_max), last_(now), lap_began_(now) {}

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
        last_ = now;
        if (hand_ >= slots) {
            begin_lap(now);
        }
        const std::uint32_t first = hand_;
        const std::uint32_t wanted = place_at(now, slots) - first;
        const std::uint32_t count = std::min(wanted, most_at_once(slots));
        hand_ = first + count;
        if (count < wanted) {
            // The loop was held up: as if the lap had begun later.
            lap_began_ = now - std::chrono::duration_cast<Duration>(
                                   lap_ * (static_cast<double>(hand_) / slots));
        }
        // Now, and not in the next turn: while the table grows, there are new slots by then, and
        // the hand would stay at the end.
        if (hand_ >= slots) {
            begin_lap(now);
        }
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

    void begin_lap(Time now) {
        lap_began_ = now;
        hand_ = 0;
    }

    /// Where the hand should be: a lap takes its time, however many slots come while it lasts.
    /// @return at least `hand_`, at most `slots`.
    [[nodiscard]] std::uint32_t place_at(Time now, std::uint32_t slots) const {
        const double part = std::chrono::duration<double>(now - lap_began_) / lap_;
        const auto place = static_cast<std::uint32_t>(std::min(part, 1.0) * slots);
        return std::clamp(place, std::min(hand_, slots), slots);
    }

    Duration lap_;
    Duration step_;
    Duration step_max_;
    Time last_;
    Time lap_began_;
    std::uint32_t hand_ = 0; // the next slot
};

} // namespace zcomet
