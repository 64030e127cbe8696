// Whether another process still works: it counts the turns of its loop where we can read them.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstdint>

namespace zcomet::process {

/// A process whose count stands still for as long as `patience` hangs, and has to be ended. SIGABRT
/// comes first: it leaves a core dump that shows why. SIGKILL follows, since a process that is
/// stopped or stuck in the kernel does not act on SIGABRT.
///
/// Time counts only while this watch itself was awake: when all processes were stopped together
/// (Ctrl-Z, a machine that was paused), none of them hangs.
class HangWatch {
  public:
    enum class Verdict : std::uint8_t {
        kFine,
        kAbort, ///< send SIGABRT; said once
        kKill,  ///< send SIGKILL
    };

    /// From SIGABRT to SIGKILL: for the kernel to write a core dump.
    /// @limit time for a hung process to dump its core, then SIGKILL
    static constexpr Duration kAbortPatience = 2s;
    /// Looks within the patience.
    static constexpr int kLooks = 8;

    /// @param patience  zero: the process may take as long as it likes.
    explicit HangWatch(Duration patience = Duration::zero()) : patience_(patience) {}

    /// A new process begins.
    /// @param count  what it begins to count at.
    void start(std::uint64_t count, Time now) {
        count_ = count;
        still_ = Duration::zero();
        aborted_ = false;
        looked_ = now;
    }

    /// Call it at due(), or earlier.
    [[nodiscard]] Verdict look(std::uint64_t count, Time now) {
        if (patience_ == Duration::zero()) {
            return Verdict::kFine;
        }
        const bool moved = count != count_;
        count_ = count;
        // When a look comes late, it was we who stood still, and not the process.
        still_ = moved ? Duration::zero() : still_ + std::min<Duration>(now - looked_, 2 * step());
        looked_ = now;
        if (still_ < patience_) {
            return Verdict::kFine;
        }
        if (!aborted_) {
            aborted_ = true;
            return Verdict::kAbort;
        }
        return still_ < patience_ + kAbortPatience ? Verdict::kFine : Verdict::kKill;
    }

    [[nodiscard]] Time due() const {
        return patience_ == Duration::zero() ? kNever : looked_ + step();
    }

    /// How long the count has stood still.
    [[nodiscard]] Duration still() const { return still_; }

  private:
    [[nodiscard]] Duration step() const { return patience_ / kLooks; }

    Duration patience_;
    Duration still_ = Duration::zero();
    std::uint64_t count_ = 0;
    Time looked_ = Time::min();
    bool aborted_ = false;
};

} // namespace zcomet::process
