// Ends all streams of a node so that their browsers go to other nodes: at an even, jittered pace.
#pragma once

#include "topology/base/time.hpp"
#include "topology/base/uneven_pace.hpp"
#include "webnode/connection/connections.hpp"

#include <algorithm>
#include <cstdint>

namespace zcomet::webnode::stream {

/// Each stream that is moved opens again elsewhere, and may be caught up there. So very many are
/// moved within the time that the operator gives, and a few at kForEach. The pace counts streams,
/// not slots: where most have left, the others may have neighbouring slots.
///
/// Thread: the worker's loop only.
class Mover {
  public:
    /// A hundred browsers a second harm no other node, so a few need not wait for the whole time.
    static constexpr Duration kForEach = 10ms;
    /// Between turns: a step of a million streams, within 30 s, has 67 of them.
    static constexpr Duration kStep = 2ms;
    /// Each costs 30 to 50 µs, most of it in the kernel: its last bytes, and the end of its
    /// connection.
    /// @limit streams that an ending worker moves in a turn
    static constexpr std::uint32_t kMovesPerTurn = 100;
    /// Slots that a turn looks at: some hundred µs.
    static constexpr std::uint32_t kSlotsPerTurn = 131'072;

    /// @param connections  live longer than this.
    /// @param seed  random: different for each worker.
    Mover(connection::Connections& connections, std::uint64_t seed)
        : connections_(connections), pace_(seed) {}

    /// From now on streams are moved, until there are none.
    /// @param within   all are, unless the loop is held up.
    /// @param streams  how many there are.
    void begin(Time now, Duration within, std::uint64_t streams) {
        if (streams == 0) {
            return;
        }
        const auto count = static_cast<Duration::rep>(streams);
        const Duration time = std::min(within, count * kForEach);
        pace_.begin(now, {.within = time, .step = std::max(kStep, time / count)});
        next_ = pace_.pick(std::max(connections_.table().slot_bound(), 1U));
    }

    /// Calls `move(Handle, Connection&)` for the streams whose turn it is. It ends that stream, and
    /// no other.
    /// @param streams  how many are left.
    template <typename Move> void turn(Time now, std::uint64_t streams, Move&& move);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const { return pace_.due(); }

  private:
    connection::Connections& connections_;
    UnevenPace pace_;
    std::uint32_t next_ = 0; // slot to be looked at
};

template <typename Move> void Mover::turn(Time now, std::uint64_t streams, Move&& move) {
    if (due() > now) {
        return;
    }
    if (streams == 0) {
        pace_.end();
        return;
    }
    connection::ConnectionTable& table = connections_.table();
    const std::uint32_t bound = table.slot_bound();
    const auto left = static_cast<std::uint32_t>(std::min<std::uint64_t>(streams, bound));
    std::uint32_t wanted = std::min(pace_.take(now, left), kMovesPerTurn);
    for (std::uint32_t slots = 0; wanted > 0 && slots < std::min(kSlotsPerTurn, bound); ++slots) {
        next_ = next_ < bound ? next_ : 0;
        if (connection::Connection& connection = table.at(next_); connection.parked()) {
            move(table.handle_of(next_), connection);
            --wanted;
        }
        ++next_;
    }
}

} // namespace zcomet::webnode::stream
