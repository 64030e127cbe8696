#include "broker/router/router.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace zcomet::broker::router {

namespace {

using wire::ErrorCode;

std::uint32_t to_ms(Duration duration) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

} // namespace

void Router::on_hello(const Incoming& in, const wire::Hello& hello) {
    table::PeerIndex index = peers_.find_incarnation(hello.incarnation);
    if (!may_join(in, hello, index)) {
        return;
    }
    if (in.peer != store::kNoIndex && in.peer != index) {
        // The connection speaks for another process now, so the one before is gone.
        remove(in.peer, RouterEvent::Kind::kLeft);
    }
    if (index == store::kNoIndex) {
        index = admit(in, hello);
    } else if (peers_[index].connection != in.connection) {
        peers_.move(index, in.connection);
        peers_[index].heard = in.now;
        peers_[index].address = host_.address_of(in.connection);
        counters_.add(table::BrokerCounter::kPeersReconnected);
        report(RouterEvent::Kind::kReconnected, peers_[index]);
    }
    if (table::NodePart* node = peers_[index].node(); node != nullptr && node->list_under_way) {
        // The rest of the list was lost with the connection, which the numbers in the WELCOME may
        // not show; the next HEARTBEAT will ask for it.
        node->list_under_way.reset();
        node->list_needed = true;
    }
    welcome(index, in.now);
}

bool Router::may_join(const Incoming& in, const wire::Hello& hello, table::PeerIndex known) {
    if (known != store::kNoIndex) {
        const table::Peer& peer = peers_[known];
        if (peer.role() != hello.role) {
            refuse(in, ErrorCode::kWrongRole, "this incarnation said HELLO in the other role");
            return false;
        }
        if (peer.name != hello.name) {
            refuse(in, ErrorCode::kMalformed, "this incarnation said HELLO with another name");
            return false;
        }
        return true;
    }
    const table::PeerIndex holder =
        hello.role == wire::Role::kNode ? peers_.find_node(hello.name) : store::kNoIndex;
    if (holder != store::kNoIndex && replaced_.has_incarnation(hello.incarnation)) {
        refuse(in, ErrorCode::kReplaced, "a newer process has said HELLO with this node's name");
        return false;
    }
    const bool takes_a_place = holder == store::kNoIndex && in.peer == store::kNoIndex;
    if (takes_a_place && peers_.size() >= options_.peers_max) {
        refuse(in, ErrorCode::kOverloaded, "this broker has as many peers as it may have");
        return false;
    }
    return true;
}

table::PeerIndex Router::admit(const Incoming& in, const wire::Hello& hello) {
    const bool is_node = hello.role == wire::Role::kNode;
    if (const table::PeerIndex holder = is_node ? peers_.find_node(hello.name) : store::kNoIndex;
        holder != store::kNoIndex) {
        replaced_.add(peers_[holder].incarnation, peers_[holder].connection);
        remove(holder, RouterEvent::Kind::kReplaced);
    }
    replaced_.forget(hello.incarnation);
    auto peer = std::make_unique<table::Peer>();
    peer->incarnation = hello.incarnation;
    peer->name = hello.name;
    peer->connection = in.connection;
    peer->address = host_.address_of(in.connection);
    peer->joined = in.now;
    peer->heard = in.now;
    if (is_node) {
        const std::uint64_t feed = options_.random();
        peer->part.emplace<table::NodePart>(feed, options_.feed,
                                            wire::encode_topic(hello.incarnation));
    } else {
        peer->sender()->sent_before = hello.sent;
    }
    const table::PeerIndex index = peers_.add(std::move(peer));
    counters_.add(is_node ? table::BrokerCounter::kNodesJoined
                          : table::BrokerCounter::kSendersJoined);
    report(RouterEvent::Kind::kJoined, peers_[index]);
    if (table::NodePart* node = peers_[index].node()) {
        node->next_feed_heartbeat = in.now + options_.heartbeat_interval;
        if (subscriptions_.has(hello.incarnation)) {
            node->feed.subscribed(true);
            activate(index, *node);
            report(RouterEvent::Kind::kLive, peers_[index]);
        }
    }
    next_sweep_ = std::min(next_sweep_, in.now + options_.heartbeat_interval / kSweepsPerHeartbeat);
    return index;
}

void Router::welcome(table::PeerIndex index, Time now) {
    table::Peer& peer = peers_[index];
    wire::Welcome welcome;
    welcome.incarnation = options_.incarnation;
    welcome.name = options_.name;
    welcome.heartbeat_ms = to_ms(options_.heartbeat_interval);
    welcome.liveness_ms = to_ms(options_.liveness);
    welcome.table_version = options_.table_version;
    if (const table::NodePart* node = peer.node()) {
        welcome.part = wire::NodeWelcome{options_.feed_endpoint, node->feed.incarnation(),
                                         node->changes_applied, node->feed.published()};
    } else {
        table::SenderPart& sender = *peer.sender();
        take_as_credited(sender);
        welcome.part = wire::SenderWelcome{options_.sender_window_bytes, sender.credited,
                                           to_ms(std::max(settled_at_ - now, Duration::zero()))};
    }
    reply(peer.connection, wire::encode(welcome));
}

void Router::on_goodbye(const Incoming& in) {
    remove(in.peer, RouterEvent::Kind::kLeft);
}

void Router::remove(table::PeerIndex index, RouterEvent::Kind why) {
    if (bury(index, why)) {
        unlist_the_gone();
    }
}

void Router::unlist_the_gone() {
    const auto is_gone = [this](table::PeerIndex index) { return !peers_.contains(index); };
    std::erase_if(active_feeds_, is_gone);
    std::erase_if(owed_credit_, is_gone);
}

bool Router::bury(table::PeerIndex index, RouterEvent::Kind why) {
    table::Peer& peer = peers_[index];
    report(why, peer, table_.id_count(index));
    count_removal(peer, why);
    bool index_is_free = true;
    bool is_listed = false;
    if (table::NodePart* node = peer.node()) {
        count_feed(peer, *node);
        counters_.add(table::BrokerCounter::kUnacknowledgedBytesDropped, node->feed.kept_bytes());
        counters_.add(table::BrokerCounter::kMessagesAbandoned, node->feed.kept_messages());
        acknowledgements_.give_up(node->awaited,
                                  [this](const table::AwaitedSend& send) { acknowledge(send); });
        departed_.add(*node);
        index_is_free = table_.remove_node(index);
        is_listed = node->feed_active;
    } else {
        const table::SenderPart& sender = *peer.sender();
        for (const auto& [first, awaited] : sender.awaited) {
            acknowledgements_.forget(awaited.send);
        }
        departed_.add(sender);
        counters_.add(table::BrokerCounter::kMessagesMissing, sender.missing());
        is_listed = sender.credit_owed;
    }
    peers_.remove(index);
    if (index_is_free) {
        peers_.free(index);
    }
    return is_listed;
}

void Router::count_removal(const table::Peer& peer, RouterEvent::Kind why) {
    const bool is_node = peer.node() != nullptr;
    if (is_node && why == RouterEvent::Kind::kDied) {
        // It may only have been cut off, as whoever sends to its ids may have been, and come back.
        settled_at_ = last_turn_ + options_.liveness;
    }
    if (why == RouterEvent::Kind::kReplaced) {
        counters_.add(table::BrokerCounter::kNodesReplaced);
    } else if (why == RouterEvent::Kind::kDied) {
        counters_.add(is_node ? table::BrokerCounter::kNodesDied
                              : table::BrokerCounter::kSendersDied);
    } else {
        counters_.add(is_node ? table::BrokerCounter::kNodesLeft
                              : table::BrokerCounter::kSendersLeft);
    }
}

} // namespace zcomet::broker::router
