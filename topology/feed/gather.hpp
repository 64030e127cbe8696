// When to pass messages on: a lone one at once, the many of a busy moment together.
#pragma once

#include "topology/base/time.hpp"

namespace zcomet::feed {

/// What wakes a thread costs more than what it then does (a hop of ZeroMQ costs 30 to 100 µs of
/// CPU, mostly wake-ups), so writers that are busy share wake-ups: whoever wrote less than a window
/// ago waits for the rest of the window, and whoever has been quiet writes at once.
class GatherWindow {
  public:
    explicit GatherWindow(Duration window) : window_(window) {}

    /// When something that is waiting now may go: in the past when it may go at once.
    [[nodiscard]] Time due() const { return last_ == Time::min() ? last_ : last_ + window_; }
    /// Something went at `now`.
    void went(Time now) { last_ = now; }

  private:
    Duration window_;
    Time last_ = Time::min();
};

/// Of a broker's feeds.
/// @limit how long the broker gathers messages for a node
inline constexpr Duration kFeedGatherWindow = 500us;

/// Of senders: longer, so that what a busy sender has gathered is not gathered again. When its next
/// frame comes the feed's window is over, and the broker need not wake up a second time.
/// @limit how long a sender gathers messages
inline constexpr Duration kSenderGatherWindow = 600us;

/// Of logins and logouts. Nobody waits for one of a busy moment as for a message, and a node that
/// opens streams by the thousand has better use for its processor than a frame each 500 µs.
/// @limit how long a node gathers logins and logouts
inline constexpr Duration kLoginGatherWindow = 20ms;

/// Of acknowledgements of messages whose senders wait for them.
/// @limit how long a node gathers what it acknowledges
inline constexpr Duration kAcknowledgeGatherWindow = 5ms;

} // namespace zcomet::feed
