#include "broker/router/feeds.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace zcomet::broker::router {

namespace {

/// Two, since topics may also wait for the HELLO of their node.
constexpr std::size_t kTopicsPerPeer = 2;

/// A relief frees this part of the memory's bound, one in.
constexpr std::uint64_t kReliefPart = 16;
/// Each step of a relief takes this part from the feeds that keep most, one in.
constexpr std::size_t kLevelPart = 4;

/// Whether a node's numbers are about the feed that it has here. They are about another one after
/// the broker was restarted, or had taken the node for dead, until the node has its WELCOME.
bool is_of_feed(const table::NodePart& node, std::uint64_t feed_incarnation) {
    return feed_incarnation == node.feed.incarnation();
}

/// @return how much `total` has grown since the last call, which left `counted`.
std::uint64_t growth(std::uint64_t total, std::uint64_t& counted) {
    const std::uint64_t more = total - counted;
    counted = total;
    return more;
}

} // namespace

Feeds::Feeds(RouterState& state, Confirmations& confirmations)
    : state_(state), confirmations_(confirmations),
      subscriptions_(std::size_t{state.options.peers_max} * kTopicsPerPeer),
      relief_at_(state.options.memory_max) {}

void Feeds::on_options() {
    subscriptions_.set_topics_max(std::size_t{state_.options.peers_max} * kTopicsPerPeer);
    relief_at_ = state_.options.memory_max;
    state_.peers.for_each([this](table::PeerIndex /*index*/, table::Peer& peer) {
        if (table::NodePart* const node = peer.node()) {
            node->resends.set(state_.options.resends_per_second);
        }
    });
}

void Feeds::on_joined(table::PeerIndex index, Time now) {
    const table::Peer& peer = state_.peers[index];
    table::NodePart& node = *state_.peers[index].node();
    node.next_feed_heartbeat = now + state_.options.heartbeat_interval;
    if (subscriptions_.has(peer.incarnation)) {
        node.feed.subscribed();
        activate(index, node);
        state_.report(RouterEvent::Kind::kLive, peer);
    }
}

void Feeds::on_leaving(const table::Peer& peer, table::NodePart& node) {
    count(peer, node);
    state_.count(table::BrokerCounter::kUnacknowledgedBytesDropped, node.feed.kept_bytes());
    state_.count(table::BrokerCounter::kMessagesAbandoned, node.feed.kept_messages());
    confirmations_.on_node_gone(node);
}

void Feeds::drop_removed() {
    std::erase_if(active_,
                  [this](table::PeerIndex index) { return !state_.peers.contains(index); });
}

/// A topic belongs to its node, and a node that has not joined yet to the key that subscribed
/// first: nobody else can know its incarnation.
bool Feeds::is_own_topic(std::uint64_t incarnation, const table::Peer* peer,
                         const keys::KnownKey& key) const {
    if (!key.may(keys::Role::kNode)) {
        return false;
    }
    const keys::KnownKey* const owner = peer != nullptr ? peer->key : owner_of(incarnation);
    return owner == nullptr || owner == &key;
}

void Feeds::refuse_topic(const keys::KnownKey& key) {
    state_.count(table::BrokerCounter::kSubscriptionsRefused);
    state_.host.on_event({.kind = RouterEvent::Kind::kRefused,
                          .name = key.name,
                          .address = "-",
                          .code = wire::ErrorCode::kNotAllowed,
                          .text = "this key may not subscribe to that topic"});
}

bool Feeds::on_subscription(std::string_view topic, bool subscribed, const keys::KnownKey* key) {
    const auto incarnation = table::Subscriptions::incarnation_of(topic);
    const table::PeerIndex index =
        incarnation ? state_.peers.find_incarnation(*incarnation) : store::kNoIndex;
    table::NodePart* node = index == store::kNoIndex ? nullptr : state_.peers[index].node();
    const bool is_end = !subscribed && key != nullptr && key->is_revoked();
    if (key != nullptr && !is_end &&
        !(incarnation &&
          is_own_topic(*incarnation, node == nullptr ? nullptr : &state_.peers[index], *key))) {
        refuse_topic(*key);
        return false;
    }
    if (!incarnation || !subscriptions_.change(*incarnation, subscribed, node != nullptr, key)) {
        state_.count(table::BrokerCounter::kSubscriptionsIgnored);
        return key == nullptr;
    }
    // The end of a subscription ends no feed. libzmq also tells of one that never began (XPUB takes
    // any connection's word for any topic), and the node's own connection then goes on. If it was
    // the node's own that ended, what is published is lost and sent again, as far as the window.
    if (node == nullptr || !subscribed) {
        return true;
    }
    const bool was_subscribed = node->feed.is_subscribed();
    // A further subscription is a new connection that may have missed something, so it gets an
    // empty batch at once, as the first one did.
    node->feed.subscribed();
    activate(index, *node);
    if (!was_subscribed) {
        state_.report(RouterEvent::Kind::kLive, state_.peers[index]);
    }
    return true;
}

void Feeds::on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat) {
    table::NodePart& node = state_.node_of(in);
    if (is_of_feed(node, heartbeat.feed_incarnation)) {
        on_acknowledged(node, heartbeat.feed, in.now);
        take_ledger(in, node, heartbeat.ledger);
    }
    activate(in.peer, node);
}

/// A node that once reports what cannot be is not believed again, so that its numbers spoil no sum.
void Feeds::take_ledger(const Incoming& in, table::NodePart& node, const wire::NodeLedger& ledger) {
    if (node.is_disbelieved) {
        return;
    }
    if (is_possible(ledger, node.ledger, node.feed.acknowledged_messages())) {
        state_.ledger.on_report(node, ledger);
        return;
    }
    state_.ledger.on_disbelieved(state_.peers[in.peer].name, node);
    state_.count(table::BrokerCounter::kNodesDisbelieved);
    state_.report(RouterEvent::Kind::kDisbelieved, state_.peers[in.peer]);
}

void Feeds::on_resend(const Incoming& in, const wire::Resend& resend) {
    table::NodePart& node = state_.node_of(in);
    state_.count(table::BrokerCounter::kResendRequests);
    if (!is_of_feed(node, resend.feed_incarnation)) {
        state_.count(table::BrokerCounter::kResendsIgnored);
        return;
    }
    // A node that asks for `from` has applied everything before it.
    on_acknowledged(node, resend.from - 1, in.now);
    if (node.resends.allow(in.now)) {
        node.feed.resend(resend.from);
    } else {
        state_.count(table::BrokerCounter::kResendsIgnored);
    }
    activate(in.peer, node);
}

void Feeds::on_acknowledged(table::NodePart& node, std::uint64_t through, Time now) {
    if (through <= node.feed.published()) {
        confirmations_.on_applied(node, through);
    }
    node.feed.acknowledge(through, now);
}

void Feeds::beat(table::PeerIndex index, table::NodePart& node, Time now) {
    if (node.lag.look(state_of(node), now)) {
        const bool is_left_behind = node.lag.is_left_behind();
        state_.count(table::BrokerCounter::kNodesBehind, is_left_behind ? 1 : 0);
        state_.report(is_left_behind ? RouterEvent::Kind::kBehind : RouterEvent::Kind::kCaughtUp,
                      state_.peers[index], node.feed.kept_messages());
    }
    if (node.next_feed_heartbeat <= now) {
        node.next_feed_heartbeat = now + state_.options.heartbeat_interval;
        node.feed.heartbeat();
        activate(index, node);
    }
}

/// Also ends the time for which is_waited_for holds.
feed::FeedState Feeds::state_of(table::NodePart& node) const {
    feed::FeedState state{.acknowledged = node.feed.acknowledged(),
                          .published = node.feed.published(),
                          .acknowledged_bytes = node.feed.acknowledged_bytes(),
                          .given_bytes = node.feed.given_bytes(),
                          .has_more = node.feed.behind()};
    state.is_waited_for = std::exchange(node.is_waited_for, false);
    const table::NodePart* const other =
        state_.peers.contains(node.other) ? state_.peers[node.other].node() : nullptr;
    if (other != nullptr && other != &node && other->lag.may_hold_back()) {
        state.other = other->feed.behind() ? feed::FeedState::Other::kBehind
                                           : feed::FeedState::Other::kKeepsUp;
    }
    return state;
}

void Feeds::publish_due(Time now) {
    std::erase_if(active_, [&](table::PeerIndex index) {
        const table::Peer& peer = state_.peers[index];
        table::NodePart& node = *state_.peers[index].node();
        node.feed.flush(now, [&](const feed::SharedFrame& frame) {
            state_.count(table::BrokerCounter::kBatchesPublished);
            state_.count(table::BrokerCounter::kBytesPublished, frame->size());
            state_.host.publish(node.topic, frame);
        });
        count(peer, node);
        node.feed_active = node.feed.due() != kNever;
        return !node.feed_active;
    });
}

void Feeds::look_at_memory() {
    if (!state_.is_memory_full()) {
        relief_at_ = state_.options.memory_max;
    }
    keep_within_memory();
}

/// Sheds the feeds that keep most, until a part of the bound is free again: so this is done once
/// for very many messages. Nodes that keep up have next to nothing unpublished, and lose nothing.
void Feeds::relieve() {
    const std::uint64_t most = state_.options.memory_max;
    const std::uint64_t target = most - most / kReliefPart;
    for (std::size_t level = most_unpublished(); level > 0 && state_.memory.used() > target;) {
        level -= (level + kLevelPart - 1) / kLevelPart;
        shed_to(level);
    }
    // If that was not enough, others take the memory. Each relief looks at all nodes, so the next
    // one waits until the feeds have grown again.
    relief_at_ = std::max(most, state_.memory.used() + most / kReliefPart / 4);
}

std::size_t Feeds::most_unpublished() const {
    std::size_t most = 0;
    state_.peers.for_each([&](table::PeerIndex /*index*/, const table::Peer& peer) {
        if (const table::NodePart* node = peer.node()) {
            most = std::max(most, node->feed.unpublished_bytes());
        }
    });
    return most;
}

void Feeds::shed_to(std::size_t unpublished_bytes_max) {
    state_.peers.for_each([&](table::PeerIndex /*index*/, table::Peer& peer) {
        table::NodePart* node = peer.node();
        if (node == nullptr || node->feed.unpublished_bytes() <= unpublished_bytes_max) {
            return;
        }
        const std::uint64_t before = node->feed.shed_messages();
        node->feed.shed_to(node->feed.published_kept_bytes() + unpublished_bytes_max);
        state_.count(table::BrokerCounter::kMessagesShedForMemory,
                     node->feed.shed_messages() - before);
        count(peer, *node);
    });
}

void Feeds::count_all() {
    for (const table::PeerIndex index : active_) {
        count(state_.peers[index], *state_.peers[index].node());
    }
}

void Feeds::count(const table::Peer& peer, table::NodePart& node) {
    const std::uint64_t acknowledged =
        growth(node.feed.acknowledged_messages(), node.acknowledged_counted);
    state_.count(table::BrokerCounter::kMessagesAcknowledged, acknowledged);
    state_.ledger.on_acknowledged(node, acknowledged);
    state_.count(table::BrokerCounter::kBatchesResent,
                 growth(node.feed.resent_batches(), node.resent_counted));
    const std::uint64_t shed = growth(node.feed.shed_messages(), node.shed_counted);
    if (shed > 0) {
        state_.count(table::BrokerCounter::kMessagesShed, shed);
        state_.report(RouterEvent::Kind::kShed, peer, shed);
        confirmations_.on_shed(node);
    }
}

Time Feeds::due() const {
    Time due = kNever;
    for (const table::PeerIndex index : active_) {
        due = std::min(due, state_.peers[index].node()->feed.due());
    }
    return due;
}

} // namespace zcomet::broker::router
