// Frames of nodes that are too long for one turn, and the frames that have to wait behind them.
//
// A LIST or LOGIN may name a hundred thousand ids. Reading them takes milliseconds, applying them a
// tenth of a second, and in that time nobody else would be served. So a turn checks and applies
// only so many ids. The rest of a frame, and later frames of the same node whose order matters,
// wait; those of other nodes take turns with it. A long frame is not read at all when it comes:
// nodes that send lists without end would use up the turns in which other peers are heard.
// HEARTBEAT, RESEND and QUERY do not wait: they are signs of life and acknowledgements, or say
// nothing of logins.
#pragma once

#include "broker/router/presence.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace zcomet::broker::router {

class Backlog {
  public:
    Backlog(RouterState& state, Refusals& refusals, Presence& presence)
        : state_(state), refusals_(refusals), presence_(presence),
          ids_left_(state.options.ids_per_turn) {}

    /// @param in  a frame with a good header, of a kind that its sender may say.
    /// @return whether the frame waits now, unread; if not, it is to be decoded.
    [[nodiscard]] bool takes_unread(const Incoming& in);
    /// @return whether the frame waits now; if not, it is to be handled at once.
    [[nodiscard]] bool takes(const Incoming& in, const wire::Frame& frame);
    /// A turn begins: goes on with the frames that wait. Calls `handle(const Incoming&, const
    /// wire::Frame&)` for those that are not about ids.
    template <typename Handle> void turn(Time now, Handle&& handle) {
        ids_left_ = state_.options.ids_per_turn;
        take_back(now);
        for (std::uint32_t left = state_.options.ids_per_turn; left > 0 && !nodes_.empty();) {
            const table::PeerIndex index = nodes_.front();
            nodes_.pop_front();
            const std::uint32_t used = go_on(index, std::min(left, kSlice), now, handle);
            left -= std::min(left, used);
            if (used > 0 && waiting_of(index) != nullptr) {
                nodes_.push_back(index);
            }
        }
    }
    /// When turn() next has something to do: Time::min() if at once, kNever if nothing waits.
    [[nodiscard]] Time due() const;
    /// Bytes of all frames that wait.   Cost: a step for each node that has any.
    [[nodiscard]] std::size_t waiting_bytes() const;

  private:
    /// Ids of one node after which it is another one's turn.
    static constexpr std::uint32_t kSlice = 512;
    /// Ids that are checked in the time in which one is applied.
    static constexpr std::uint32_t kChecksPerId = 64;

    /// What a frame is to the frames that wait before it.
    enum class What : std::uint8_t { kIds, kListBegins, kOther };

    [[nodiscard]] table::WaitingFrames* waiting_of(table::PeerIndex index) const;
    /// nullptr: no node.
    [[nodiscard]] table::NodePart* node_of(const Incoming& in);
    void add(const Incoming& in, What what, table::NodePart& node);
    static void replace_all(const Incoming& in, table::WaitingFrames& waiting);
    /// Checks some ids of the first frame, and begins to apply them once all are good.
    std::uint32_t check(const Incoming& in, table::WaitingFrames& waiting, std::uint32_t ids_max);
    void refuse(const Incoming& in, table::WaitingFrames& waiting);
    void begin(const Incoming& in, table::WaitingFrames& waiting);
    /// Whether the first frame is a list that comes too soon after others; if so, it is in
    /// put_off_.
    [[nodiscard]] bool puts_off(const Incoming& in, const table::WaitingFrames& waiting);
    /// Goes on with the nodes that have waited long enough.
    void take_back(Time now);
    std::uint32_t go_on_with_ids(const Incoming& in, table::WaitingFrames& waiting,
                                 std::uint32_t ids_max);

    /// Goes on with the frames of one node.
    /// @return how much of the turn that took, in ids; 0: the node is put off.
    template <typename Handle>
    std::uint32_t go_on(table::PeerIndex index, std::uint32_t ids_max, Time now, Handle&& handle) {
        table::WaitingFrames* const waiting = waiting_of(index);
        if (waiting == nullptr) {
            return 1;
        }
        const std::string connection = state_.peers[index].connection;
        const keys::KnownKey* const key = state_.peers[index].key;
        const Incoming in{connection, waiting->frames.front(), index, now, key};
        if (waiting->first) {
            return go_on_with_ids(in, *waiting, ids_max);
        }
        if (!waiting->reader) {
            waiting->reader = wire::IdFrameReader::open(in.bytes);
            if (puts_off(in, *waiting)) {
                waiting->reader.reset();
                return 0;
            }
        }
        if (waiting->reader) {
            return check(in, *waiting, ids_max);
        }
        // It may be a GOODBYE, after which there is no such node.
        const std::string bytes = waiting->frames.front();
        state_.node_of(in).drop_first_waiting();
        const auto decoded = wire::decode(bytes);
        handle(Incoming{connection, bytes, index, now, key}, std::get<wire::Frame>(decoded));
        return 1;
    }

    RouterState& state_;
    Refusals& refusals_;
    Presence& presence_;
    std::uint32_t ids_left_;             // of frames that are handled at once, in this turn
    std::deque<table::PeerIndex> nodes_; // that have frames which wait
    std::multimap<Time, table::PeerIndex> put_off_; // likewise, until then
};

} // namespace zcomet::broker::router
