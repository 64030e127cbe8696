// Decides when messages are passed on: a lone one at once, many of a busy moment together.
#pragma once

#include "topology/base/time.hpp"

namespace zcomet::feed {

/// Waking a thread costs more than the work that it then does: a hop of ZeroMQ costs 30 to 100 µs
/// of CPU, mostly wake-ups. So a busy writer, which wrote less than a window ago, waits for the
/// rest of the window, and its messages share a wake-up. A writer that has been quiet writes at
/// once.
class GatherWindow {
  public:
    explicit GatherWindow(Duration window) : window_(window) {}

    /// When a message that waits now may go. A time in the past means at once.
    [[nodiscard]] Time due() const { return last_ == Time::min() ? last_ : last_ + window_; }
    /// A message went at `now`.
    void went(Time now) { last_ = now; }

  private:
    Duration window_;
    Time last_ = Time::min();
};

/// Of a broker's feeds.
/// @limit how long the broker gathers messages for a node
inline constexpr Duration kFeedGatherWindow = 500us;

/// Of senders. It is longer than a feed's, so that messages which a busy sender has gathered are
/// not gathered again: when the sender's next frame comes, the feed's window is over, and the
/// broker need not wake up a second time.
/// @limit how long a sender gathers messages
inline constexpr Duration kSenderGatherWindow = 600us;

/// Of logins and logouts. They are less urgent than messages, and a node that opens streams by the
/// thousand has better use for its processor than a frame each 500 µs.
/// @limit how long a node gathers logins and logouts
inline constexpr Duration kLoginGatherWindow = 20ms;

/// Of acknowledgements that senders wait for.
/// @limit how long a node gathers what it acknowledges
inline constexpr Duration kAcknowledgeGatherWindow = 5ms;

} // namespace zcomet::feed
