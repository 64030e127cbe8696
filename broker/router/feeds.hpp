// Keeps the numbered feeds of all nodes, from the first subscription to the last batch.
#pragma once

#include "broker/router/confirmations.hpp"
#include "broker/router/router_state.hpp"
#include "broker/table/subscriptions.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace zcomet::broker::router {

class Feeds {
  public:
    Feeds(RouterState& state, Confirmations& confirmations);

    /// A node has joined. Its feed is live at once if the node has subscribed already.
    /// The router has other options.
    void on_options();
    void on_joined(table::PeerIndex index, Time now);
    /// The node is about to go: counts what its feed had not said yet, and drops the rest.
    void on_leaving(const table::Peer& peer, table::NodePart& node);
    /// Some of the peers were removed. Must be called before any other peer is added.
    void drop_removed();

    /// A subscription came or went over the XPUB. A feed that has begun goes on until its node
    /// goes.
    /// @param key  as Router::on_subscription().
    /// @return whether the subscriber may have it.
    bool on_subscription(std::string_view topic, bool subscribed, const keys::KnownKey* key);
    /// The key whose the node's topic is by its subscription; nullptr: nobody's.
    [[nodiscard]] const keys::KnownKey* owner_of(std::uint64_t incarnation) const {
        return subscriptions_.owner_of(incarnation);
    }
    /// A node's HEARTBEAT is also its acknowledgement.
    void on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat);
    void on_resend(const Incoming& in, const wire::Resend& resend);

    /// The node's feed may have something to publish.
    void activate(table::PeerIndex index, table::NodePart& node) {
        if (!node.feed_active) {
            node.feed_active = true;
            active_.push_back(index);
        }
    }
    /// For each sweep: looks whether the node keeps up, and makes the feed publish an empty batch
    /// if it is time for one.
    void beat(table::PeerIndex index, table::NodePart& node, Time now);
    void publish_due(Time now);
    /// Called for each message, before its copies are made: keeps the memory of all feeds within
    /// the broker's bound.
    void keep_within_memory() {
        if (state_.memory.used() >= relief_at_) {
            relieve();
        }
    }
    /// A turn is over, and what the parts take was counted anew.
    void look_at_memory();
    /// Brings the broker's counters up to those of all feeds. Only of active ones they differ.
    void count_all();
    /// When publish_due() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;

  private:
    [[nodiscard]] feed::FeedState state_of(table::NodePart& node) const;
    [[nodiscard]] bool is_own_topic(std::uint64_t incarnation, const table::Peer* peer,
                                    const keys::KnownKey& key) const;
    void refuse_topic(const keys::KnownKey& key);
    void relieve();
    [[nodiscard]] std::size_t most_unpublished() const;
    void shed_to(std::size_t unpublished_bytes_max);
    void on_acknowledged(table::NodePart& node, std::uint64_t through, Time now);
    void take_ledger(const Incoming& in, table::NodePart& node, const wire::NodeLedger& ledger);
    void count(const table::Peer& peer, table::NodePart& node);

    RouterState& state_;
    Confirmations& confirmations_;
    table::Subscriptions subscriptions_;
    std::uint64_t relief_at_;              // memory in use from which on feeds are shed
    std::vector<table::PeerIndex> active_; // nodes whose feed has something to publish
};

} // namespace zcomet::broker::router
