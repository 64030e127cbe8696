// Decides when senders may send more, and holds them back for nodes that do not keep up.
#pragma once

#include "broker/router/router_state.hpp"

#include <vector>

namespace zcomet::broker::router {

class Credit {
  public:
    explicit Credit(RouterState& state) : state_(state) {}

    /// A copy of a message of `sender` went to `node`, which may be one that does not keep up.
    void note_copy(table::SenderPart& sender, table::PeerIndex index, const table::NodePart& node,
                   Time now) const {
        if (holds_senders_back(node, now)) {
            note_slow_node(sender, index);
        } else if (node.lag.may_hold_back()) {
            sender.quick_node = index;
        }
    }
    /// The SEND frame `in` was taken in, and gets its CREDIT sooner or later.
    void on_taken_in(const Incoming& in);
    /// Takes all that was taken in of `sender` as credited, as a WELCOME says it.
    static void take_as_credited(table::SenderPart& sender);
    /// For a HEARTBEAT to the sender, which says what CREDIT would say and so may give it.
    /// @return the last number that the sender has credit for.
    [[nodiscard]] std::uint64_t credited(table::SenderPart& sender, Time now);
    void give_due(Time now);
    /// Some of the peers were removed. Must be called before any other peer is added.
    void drop_removed();
    /// When give_due() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const { return next_; }

  private:
    /// A node that has acknowledged nothing for this long is stalled, and holds no sender back.
    /// @limit time in which a node that holds senders back has acknowledged something
    static constexpr Duration kProgressExpected = 500ms;

    [[nodiscard]] static bool holds_senders_back(const table::NodePart& node, Time now) {
        return node.feed.behind() && now < node.feed.last_progress() + kProgressExpected &&
               node.lag.may_hold_back();
    }
    static void note_slow_node(table::SenderPart& sender, table::PeerIndex node);
    [[nodiscard]] bool is_slow(table::PeerIndex index, Time now) const;
    [[nodiscard]] Time due_for(table::SenderPart& sender, Time now);
    void note_waiting(const table::SenderPart& sender);

    RouterState& state_;
    std::vector<table::PeerIndex> owed_; // senders that sent a quarter of their window or more
    Time next_ = kNever;
};

} // namespace zcomet::broker::router
