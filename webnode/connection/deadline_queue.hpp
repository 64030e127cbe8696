// Deadlines that are all equally far away, so that the oldest one is always the next: no heap, and
// no timer for each connection.
#pragma once

#include "topology/base/time.hpp"
#include "webnode/connection/connection_table.hpp"

#include <algorithm>
#include <deque>

namespace zcomet::webnode::connection {

/// Entries are never removed early: when one expires, its owner checks whether it still matters.
class DeadlineQueue {
  public:
    explicit DeadlineQueue(Duration delay) : delay_(delay) {}

    /// For later entries. With a shorter delay none of them comes before the earlier ones.
    void set_delay(Duration delay) { delay_ = delay; }

    /// @return the deadline. By it the `visit` of expire() can tell whether the entry is the
    /// connection's latest. `now` must not go back from call to call.
    Time push(Handle handle, Time now) {
        const Time deadline =
            std::max(now + delay_, entries_.empty() ? Time::min() : entries_.back().deadline);
        entries_.push_back({handle, deadline});
        return deadline;
    }

    /// As push(), for a connection that comes very often: an entry that it has in the queue serves
    /// again if that is at most a tenth of a second too early. So a connection has ten entries for
    /// each second of the delay, and no more.
    /// @param latest  what this returned for the connection last; Time::min(): nothing yet.
    Time push_again(Handle handle, Time latest, Time now) {
        const bool serves = latest > now && latest + kSweepInterval >= now + delay_;
        return serves ? latest : push(handle, now);
    }

    /// Entries that one call of expire() visits. When hundreds of connections come to their end at
    /// the same time, closing them takes a few turns of the loop, of some milliseconds each.
    /// @limit connections whose time is over that a worker looks at in a turn
    static constexpr std::size_t kVisitsMax = 128;

    /// When expire() next has something to do. Deadlines are kept to a tenth of a second, so that
    /// many connections which time out one after the other cost one wake-up.
    [[nodiscard]] Time due() const {
        return entries_.empty() ? kNever : std::max(entries_.front().deadline, next_sweep_);
    }

    /// Calls `visit(Handle, Time deadline)` for each entry that has expired, up to kVisitsMax.
    template <typename Visit> void expire(Time now, Visit&& visit) {
        if (due() > now) {
            return;
        }
        next_sweep_ = now + kSweepInterval;
        for (std::size_t visits = 0; !entries_.empty() && entries_.front().deadline <= now;
             ++visits) {
            if (visits == kVisitsMax) {
                next_sweep_ = now;
                return;
            }
            const Entry entry = entries_.front();
            entries_.pop_front();
            next_look_ -= next_look_ > 0 ? 1 : 0;
            visit(entry.handle, entry.deadline);
        }
    }

    /// Calls `look(Handle, Time deadline)` for up to `most` entries: those after the last that the
    /// earlier call looked at, the oldest first, and then from the front again. No entry is looked
    /// at twice.
    template <typename Look> void look_at_some(std::size_t most, Look&& look) {
        for (std::size_t left = std::min(most, entries_.size()); left > 0; --left) {
            next_look_ = next_look_ < entries_.size() ? next_look_ : 0;
            const Entry& entry = entries_[next_look_++];
            look(entry.handle, entry.deadline);
        }
    }

  private:
    static constexpr Duration kSweepInterval = 100ms;
    struct Entry {
        Handle handle;
        Time deadline;
    };
    Duration delay_;
    Time next_sweep_ = Time::min();
    std::deque<Entry> entries_;
    std::size_t next_look_ = 0; // of look_at_some()
};

} // namespace zcomet::webnode::connection
