// Finds browsers that vanish without a word: says when to probe each stream's connection. A dead
// one is found within a given time, and the probes of very many streams never go out together.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace zcomet::webnode::port {

/// What one bound on the life of a dead connection means for the kernel and for KeepalivePacer.
/// A connection is quiet since its last acknowledgement or byte from the browser.
struct KeepaliveTimes {
    /// Bounds for `vanished_max`: four probes at whole seconds have to fit into it, and the kernel
    /// takes up to 32,767 seconds for each.
    static constexpr std::chrono::seconds kMin = 10s;
    static constexpr std::chrono::seconds kMax = 36'000s;

    /// The pacer comes to each stream once in this time.
    std::chrono::seconds lap;
    /// It has a stream probed that has been quiet for so long: so each is, within a lap and this.
    std::chrono::seconds quiet;
    /// Without an answer the kernel probes again this much later, and again.
    std::chrono::seconds retry;
    /// The kernel's own first probe. It must be later than the pacer's, or many would go out
    /// together.
    std::chrono::seconds kernel_first;
    /// After so long without an answer the connection ends when the next probe falls due
    /// (TCP_USER_TIMEOUT, tcp(7)).
    std::chrono::seconds unanswered;

    /// @param vanished_max  a browser that vanished is found within this; kMin to kMax.
    [[nodiscard]] static constexpr KeepaliveTimes within(std::chrono::seconds vanished_max) {
        const std::chrono::seconds lap = vanished_max / 2;
        const std::chrono::seconds retry = vanished_max / 12 + (vanished_max < 12s ? 1s : 0s);
        return {.lap = lap,
                .quiet = retry,
                .retry = retry,
                .kernel_first = lap + 2 * retry,
                .unanswered = vanished_max - retry};
    }
};

/// Goes round all slots of a table once a lap, at an even pace. The kernel could probe by itself,
/// but its timers of a minute have a grain of two seconds: with a million streams 16,000 packets
/// and more would go out at once.
///
/// Pure: called with the time, it calls back with slots. Thread: the worker's loop only.
class KeepalivePacer {
  public:
    KeepalivePacer(std::chrono::seconds lap, Time now) : lap_(lap), last_(now) {}

    /// When turn() next has something to do; kNever if there are no slots.
    [[nodiscard]] Time due(std::uint32_t slots) const {
        if (settle_count_ > 0) {
            return last_ + kStep;
        }
        return slots == 0 ? kNever : last_ + std::max<Duration>(kStep, lap_ / slots);
    }

    /// Calls `settle(first, count)` for the slots that the last turn probed, then
    /// `probe(first, count)` for those whose turn it is now. Neither is called for no slots.
    template <typename Settle, typename Probe>
    void turn(Time now, std::uint32_t slots, Settle&& settle, Probe&& probe) {
        if (due(slots) > now) {
            return;
        }
        if (settle_count_ > 0) {
            settle(settle_first_, settle_count_);
        }
        settle_first_ = hand_ < slots ? hand_ : 0;
        settle_count_ = std::min({advance(now, slots), slots - settle_first_, most_at_once(slots)});
        hand_ = settle_first_ + settle_count_;
        if (settle_count_ > 0) {
            probe(settle_first_, settle_count_);
        }
    }

  private:
    /// Time between turns: a compromise between wake-ups and packets in each.
    static constexpr Duration kStep = 100ms;

    /// A loop that was held up does not send a burst to catch up: twice its share, or a few.
    [[nodiscard]] std::uint32_t most_at_once(std::uint32_t slots) const {
        constexpr std::uint32_t kFew = 128;
        return std::max(kFew, static_cast<std::uint32_t>(2 * slots * kStep / lap_));
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
    Time last_;
    Duration unused_ = Duration::zero();
    std::uint32_t hand_ = 0; // the next slot
    std::uint32_t settle_first_ = 0;
    std::uint32_t settle_count_ = 0;
};

} // namespace zcomet::webnode::port
