// Tells when a node has been behind its feed for so long that nobody should wait for it.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace zcomet::feed {

/// What a LagWatch sees of a feed.
struct FeedState {
    std::uint64_t acknowledged = 0;       ///< the last number that the node has acknowledged
    std::uint64_t published = 0;          ///< the last number published
    std::uint64_t acknowledged_bytes = 0; ///< of all batches so far
    std::uint64_t given_bytes = 0;        ///< of all batches made for the node so far
    bool has_more = false;                ///< more waits for the node than it may have at once
    /// Of a node that gets messages of the same senders: `other`.
    enum class Other : std::uint8_t {
        kNone,    ///< there is none for which senders would wait if it was behind
        kKeepsUp, ///< it is not behind
        kBehind,  ///< it is behind, too
    };
    Other other = Other::kNone;
    bool is_waited_for = false; ///< credit was held back for this node since the last look
};

/// A node that takes what comes, however much, acknowledges a window in a fraction of a second, and
/// senders rightly go at its pace. Two kinds of nodes are left behind, until they have kept up for
/// kBehindMax:
///
///   * A node that takes longer than kLagAllowed for a window, for kBehindMax.
///   * A node for which senders wait although other nodes keep up, for kBehindMax, and that is far
///     slower than these. How fast those are does not show while senders go at the slowest node's
///     pace. So there is a trial: for kTrialMax nobody waits for the node. Senders then go at the
///     next node's pace. If the node takes a quarter of what comes now, it is as good as others,
///     and the trial has cost it nothing but a longer queue. If not, it alone was the reason.
///
/// Time that a node kept up counts against time that it lagged: a node that catches up for a moment
/// now and then is no faster.
///
/// Pure: look() is called some ten times a second.   Thread: one.
class LagWatch {
  public:
    /// @limit time that a node may take for what was published, without being slow
    static constexpr Duration kLagAllowed = 500ms;
    /// @limit time after which a slow node holds no sender back
    static constexpr Duration kBehindMax = 5s;
    /// @limit time for which no sender waits for a node, to see how fast others are
    static constexpr Duration kTrialMax = 1s;
    /// @limit part of what comes that a node has to take in a trial, one in
    static constexpr std::uint64_t kTrialPart = 4;
    /// A faster node may take so many windows into its own queues before senders wait for it.
    static constexpr std::uint64_t kTrialWindows = 4;

    explicit LagWatch(std::uint64_t window_bytes) : window_bytes_(window_bytes) {}

    /// @return whether is_left_behind() has changed.
    bool look(const FeedState& feed, Time now) {
        // A broker that was stopped did not look.
        const Duration passed = std::min<Duration>(now - std::exchange(looked_, now), kLagAllowed);
        const bool before = left_behind_;
        const bool lags = note_window(feed, now) || (left_behind_ && feed.has_more);
        lagged_ = sum(lagged_, passed, lags);
        if (on_trial_) {
            judge(feed, now);
        } else {
            const bool is_alone = feed.is_waited_for && feed.other == FeedState::Other::kKeepsUp;
            alone_ = sum(alone_, passed, is_alone && !left_behind_);
            if (alone_ == kBehindMax) {
                begin_trial(feed, now);
            }
        }
        left_behind_ = lagged_ == kBehindMax || (left_behind_ && lagged_ > Duration::zero());
        return left_behind_ != before;
    }
    [[nodiscard]] bool is_left_behind() const { return left_behind_; }
    [[nodiscard]] bool is_on_trial() const { return on_trial_; }
    /// Whether senders wait for the node when it is behind.
    [[nodiscard]] bool may_hold_back() const { return !left_behind_ && !on_trial_; }

  private:
    static Duration sum(Duration before, Duration passed, bool more) {
        return std::clamp<Duration>(before + (more ? passed : -passed), Duration::zero(),
                                    kBehindMax);
    }

    /// @return whether the node takes too long for what it was sent. A window that took too long
    /// counts until the next one shows that the node has become faster: it lags all the time, and
    /// not only for what is above kLagAllowed in each window.
    bool note_window(const FeedState& feed, Time now) {
        if (feed.acknowledged >= mark_) {
            was_late_ = std::exchange(is_late_, false);
            mark_ = feed.published;
            marked_ = now;
        } else if (now > marked_ + kLagAllowed) {
            is_late_ = true;
        }
        return feed.has_more && (is_late_ || was_late_);
    }

    void begin_trial(const FeedState& feed, Time now) {
        on_trial_ = true;
        alone_ = Duration::zero();
        trial_began_ = now;
        acknowledged_before_ = feed.acknowledged_bytes;
        given_before_ = feed.given_bytes;
    }

    void judge(const FeedState& feed, Time now) {
        const std::uint64_t taken = feed.acknowledged_bytes - acknowledged_before_;
        const std::uint64_t given = feed.given_bytes - given_before_;
        const bool is_too_slow = given > kTrialPart * taken + kTrialWindows * window_bytes_;
        const bool others_are_no_faster =
            feed.other == FeedState::Other::kBehind && given <= 2 * taken;
        if (feed.other == FeedState::Other::kNone || others_are_no_faster) {
            on_trial_ = false;
        } else if (is_too_slow) {
            on_trial_ = false;
            lagged_ = kBehindMax;
        } else {
            on_trial_ = now < trial_began_ + kTrialMax;
        }
    }

    std::uint64_t window_bytes_;
    std::uint64_t mark_ = 0; // what was published at marked_, and is awaited since
    Time marked_ = Time{};
    bool is_late_ = false;  // this window
    bool was_late_ = false; // the one before
    Time looked_ = Time{};
    Duration lagged_ = Duration::zero();
    Duration alone_ = Duration::zero(); // time for which senders waited for this node alone
    bool left_behind_ = false;
    bool on_trial_ = false;
    // As of the trial's beginning:
    Time trial_began_ = Time{};
    std::uint64_t acknowledged_before_ = 0;
    std::uint64_t given_before_ = 0;
};

} // namespace zcomet::feed
