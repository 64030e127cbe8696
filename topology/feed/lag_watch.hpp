// Tells when a node has been behind its feed for so long that nobody should wait for it.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace zcomet::feed {

/// A node that takes what comes, however much, acknowledges a window in a fraction of a second, and
/// senders rightly go at its pace. One that takes longer than kLagAllowed lags. When it has lagged
/// for kBehindMax it is left behind, until it has kept up for as long. Time that it kept up counts
/// against time that it lagged: a node that catches up for a moment now and then is no faster.
///
/// Pure: look() is called some ten times a second.   Thread: one.
class LagWatch {
  public:
    /// @limit time that a node may take for what was published, without being slow
    static constexpr Duration kLagAllowed = 500ms;
    /// @limit time after which a slow node holds no sender back
    static constexpr Duration kBehindMax = 5s;

    /// @param acknowledged  the last number of the feed that the node has acknowledged.
    /// @param published     the last number published.
    /// @param has_more      whether more waits for the node than it may have at once.
    /// @return whether is_left_behind() has changed.
    bool look(std::uint64_t acknowledged, std::uint64_t published, bool has_more, Time now) {
        // A broker that was stopped did not look.
        const Duration passed = std::min<Duration>(now - std::exchange(looked_, now), kLagAllowed);
        if (acknowledged >= mark_) {
            mark_ = published;
            marked_ = now;
        }
        const bool lags = has_more && acknowledged < mark_ && now > marked_ + kLagAllowed;
        lagged_ =
            std::clamp<Duration>(lagged_ + (lags ? passed : -passed), Duration::zero(), kBehindMax);
        const bool before = left_behind_;
        left_behind_ = lagged_ == kBehindMax || (left_behind_ && lagged_ > Duration::zero());
        return left_behind_ != before;
    }
    [[nodiscard]] bool is_left_behind() const { return left_behind_; }

  private:
    std::uint64_t mark_ = 0; // what was published at marked_, and is awaited since
    Time marked_ = Time{};
    Time looked_ = Time{};
    Duration lagged_ = Duration::zero();
    bool left_behind_ = false;
};

} // namespace zcomet::feed
