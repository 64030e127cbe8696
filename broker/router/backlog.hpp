// Frames of nodes that are too long for one turn, and the frames that have to wait behind them.
//
// A LIST or LOGIN may name a hundred thousand ids, which take a tenth of a second, and in that time
// nobody else would be served. So a turn applies only so many ids. The rest of a frame, and later
// frames of the same node whose order matters, wait; those of other nodes take turns with it.
// HEARTBEAT, RESEND and QUERY do not wait: they are signs of life and acknowledgements, or say
// nothing of logins.
#pragma once

#include "broker/router/presence.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace zcomet::broker::router {

class Backlog {
  public:
    Backlog(RouterState& state, Presence& presence)
        : state_(state), presence_(presence), ids_left_(state.options.ids_per_turn) {}

    /// @return whether the frame waits now; if not, it is to be handled at once.
    [[nodiscard]] bool takes(const Incoming& in, const wire::Frame& frame);
    /// A turn begins: goes on with the frames that wait. Calls `handle(const Incoming&, const
    /// wire::Frame&)` for those that are not about ids.
    template <typename Handle> void turn(Time now, Handle&& handle) {
        ids_left_ = state_.options.ids_per_turn;
        for (std::uint32_t left = state_.options.ids_per_turn; left > 0 && !nodes_.empty();) {
            const table::PeerIndex index = nodes_.front();
            nodes_.pop_front();
            left -= std::min(left, go_on(index, std::min(left, kSlice), now, handle));
            if (waiting_of(index) != nullptr) {
                nodes_.push_back(index);
            }
        }
    }
    [[nodiscard]] bool has_waiting() const { return !nodes_.empty(); }
    /// Bytes of all frames that wait.   Cost: a step for each node that has any.
    [[nodiscard]] std::size_t waiting_bytes() const;

  private:
    /// Ids of one node after which it is another one's turn.
    static constexpr std::uint32_t kSlice = 512;

    [[nodiscard]] table::WaitingFrames* waiting_of(table::PeerIndex index) const;
    void add(const Incoming& in, const wire::Frame& frame, table::NodePart& node);
    void begin_first(const Incoming& in, table::WaitingFrames& waiting);
    std::uint32_t go_on_with_ids(const Incoming& in, table::WaitingFrames& waiting,
                                 std::uint32_t ids_max);

    /// Goes on with the frames of one node.
    /// @return how much of the turn that took, in ids; at least 1.
    template <typename Handle>
    std::uint32_t go_on(table::PeerIndex index, std::uint32_t ids_max, Time now, Handle&& handle) {
        table::WaitingFrames* const waiting = waiting_of(index);
        if (waiting == nullptr) {
            return 1;
        }
        const std::string connection = state_.peers[index].connection;
        const Incoming in{connection, waiting->frames.front(), index, now};
        if (!waiting->first) {
            begin_first(in, *waiting);
        }
        if (Presence::is_about_ids(*waiting->first)) {
            return go_on_with_ids(in, *waiting, ids_max);
        }
        // It may be a GOODBYE, after which there is no such node.
        const std::string bytes = waiting->frames.front();
        state_.node_of(in).drop_first_waiting();
        const auto decoded = wire::decode(bytes);
        handle(Incoming{connection, bytes, index, now}, std::get<wire::Frame>(decoded));
        return 1;
    }

    RouterState& state_;
    Presence& presence_;
    std::uint32_t ids_left_;             // of frames that are handled at once, in this turn
    std::deque<table::PeerIndex> nodes_; // that have frames which wait
};

} // namespace zcomet::broker::router
