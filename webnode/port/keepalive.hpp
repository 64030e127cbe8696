// Finds browsers that vanish without a word: when a quiet connection is probed, and when one that
// does not answer is closed. A dead one is found within a given time.
#pragma once

#include "topology/base/slot_pacer.hpp"
#include "topology/base/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace zcomet::webnode::port {

/// What one bound on the life of a dead connection means for the kernel and for the worker, which
/// paces the probes: the kernel could probe by itself, but its timers of a minute have a grain of
/// two seconds, so with a million streams 16,000 packets and more would go out at once.
/// A connection is quiet since its last acknowledgement or byte from the browser.
struct KeepaliveTimes {
    /// Bounds for `vanished_max`: four probes at whole seconds have to fit into it, and the kernel
    /// takes up to 32,767 seconds for each.
    static constexpr std::chrono::seconds kMin = 10s;
    static constexpr std::chrono::seconds kMax = 36'000s;

    /// Whether quiet connections are probed. Not if each stream is written to so often that a write
    /// without an acknowledgement finds the dead in time.
    bool probes = true;
    /// The worker comes to each stream once in this time.
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
    /// @param heartbeat     each stream is written to at least once in this time; 0: it is not.
    [[nodiscard]] static constexpr KeepaliveTimes
    within(std::chrono::seconds vanished_max,
           std::chrono::seconds heartbeat = std::chrono::seconds::zero()) {
        const std::chrono::seconds lap = vanished_max / 2;
        const std::chrono::seconds retry = vanished_max / 12 + (vanished_max < 12s ? 1s : 0s);
        if (heartbeat > 0s && heartbeat <= vanished_max / 2) {
            return {.probes = false,
                    .lap = lap,
                    .quiet = retry,
                    .retry = retry,
                    .kernel_first = lap + 2 * retry,
                    .unanswered = vanished_max - heartbeat};
        }
        return {.probes = true,
                .lap = lap,
                .quiet = retry,
                .retry = retry,
                .kernel_first = lap + 2 * retry,
                .unanswered = vanished_max - retry};
    }
};

/// Says when to probe each connection of a table, and when to leave it to the kernel again.
/// Pure: called with the time, it calls back with slots. Thread: the worker's loop only.
class KeepalivePacer {
  public:
    KeepalivePacer(std::chrono::seconds lap, Time now) : pacer_(lap, now, kStep, kStep) {}

    /// When turn() next has something to do; kNever if there are no slots.
    [[nodiscard]] Time due(std::uint32_t slots) const {
        return std::min(settle_due_, pacer_.due(slots));
    }

    /// Calls `settle(first, count)` for the slots that the last turn probed, then
    /// `probe(first, count)` for those whose turn it is now. Neither is called for no slots.
    template <typename Settle, typename Probe>
    void turn(Time now, std::uint32_t slots, Settle&& settle, Probe&& probe) {
        if (due(slots) > now) {
            return;
        }
        if (settle_due_ != kNever) {
            settle_due_ = kNever;
            settle(settle_first_, settle_count_);
        }
        pacer_.turn(now, slots, [&](std::uint32_t first, std::uint32_t count) {
            settle_first_ = first;
            settle_count_ = count;
            settle_due_ = now + kStep;
            probe(first, count);
        });
    }

  private:
    static constexpr Duration kStep = 100ms;

    SlotPacer pacer_;
    std::uint32_t settle_first_ = 0;
    std::uint32_t settle_count_ = 0;
    Time settle_due_ = kNever;
};

} // namespace zcomet::webnode::port
