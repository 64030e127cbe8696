// Ends streams at a time of their own, which is when their tokens expire.
#pragma once

#include "topology/base/time.hpp"
#include "topology/store/slab.hpp"
#include "webnode/connection/connections.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

namespace zcomet::webnode::stream {

/// One number for each slot of the table of connections, instead of a timer for each stream: what
/// closes early leaves nothing behind, however far away its end is. All numbers are looked at when
/// the soonest of them has come, once a second at most; that costs a nanosecond each. Nothing is
/// kept before the first stream with an end.
///
/// Thread: the worker's loop only.   Memory: 4 bytes for each slot.
class Expiries final : private connection::CloseListener {
  public:
    /// Ends of one moment take some turns, as closing costs some ten µs each.
    /// @limit streams whose tokens have expired that a worker ends in a turn
    static constexpr std::uint32_t kEndsPerTurn = 128;
    /// Slots that a turn looks at: some hundred µs.
    static constexpr std::uint32_t kSlotsPerTurn = 131'072;

    /// @param connections  live longer than this.
    explicit Expiries(connection::Connections& connections,
                      std::function<Time()> clock = Clock::now);
    ~Expiries() override;

    /// The stream ends after this, to the next second.
    void begin(connection::Handle handle, Duration life);

    /// The stream is one no longer, and its connection stays.
    void forget(connection::Handle handle) {
        if (handle.index < size_) {
            ends_[handle.index] = kNone;
        }
    }

    /// Calls `end(Handle, Connection&)` for streams whose end has come, up to kEndsPerTurn. It
    /// closes that connection, and no other.
    template <typename End> void turn(Time now, End&& end);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;

  private:
    using Seconds = std::uint32_t; // since begin_, rounded up; from 1
    static constexpr Seconds kNone = 0;
    static constexpr Seconds kLatest = UINT32_MAX;
    static constexpr Duration kBetweenRounds = 1s;

    void on_close(connection::Handle handle, connection::Connection& connection) override;
    [[nodiscard]] Time time_of(Seconds seconds) const { return begin_ + seconds * Duration(1s); }

    connection::Connections& connections_;
    std::function<Time()> clock_;
    Time begin_;
    store::ChunkedArray<Seconds> ends_; // by slot
    std::uint32_t size_ = 0;            // of ends_
    Seconds soonest_ = kLatest;         // of those that this round has seen, and of newer ones
    bool in_round_ = false;
    std::uint32_t next_ = 0; // slot that the round looks at
    Time next_round_ = Time::min();
};

template <typename End> void Expiries::turn(Time now, End&& end) {
    if (due() > now) {
        return;
    }
    if (!in_round_) {
        in_round_ = true;
        next_ = 0;
        next_round_ = now + kBetweenRounds;
        soonest_ = kLatest;
    }
    const std::uint32_t bound = std::min(size_, connections_.table().slot_bound());
    const std::uint32_t last = std::min(bound, next_ + kSlotsPerTurn);
    for (std::uint32_t ended = 0; next_ < last && ended < kEndsPerTurn; ++next_) {
        if (ends_[next_] == kNone) {
            continue;
        }
        if (time_of(ends_[next_]) > now) {
            soonest_ = std::min(soonest_, ends_[next_]);
            continue;
        }
        ends_[next_] = kNone;
        ++ended;
        end(connections_.table().handle_of(next_), connections_.table().at(next_));
    }
    in_round_ = next_ < bound;
}

} // namespace zcomet::webnode::stream
