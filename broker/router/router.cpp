#include "broker/router/router.hpp"

#include "topology/base/check.hpp"
#include "topology/base/mutants.hpp"
#include "topology/wire/id.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace zcomet::broker::router {

namespace {

using wire::ErrorCode;

/// Topics may wait for the HELLO of their node, beside those of nodes that are there.
constexpr std::size_t kTopicsPerPeer = 2;
/// Of an ANSWER, beside its JSON.
constexpr std::size_t kAnswerBytes = wire::kHeaderBytes + 8 + 4;

/// The counters of errors stand in the order of the errors' codes.
constexpr table::BrokerCounter counter_of(ErrorCode code) {
    return static_cast<table::BrokerCounter>(
        static_cast<unsigned>(table::BrokerCounter::kErrorsMalformed) +
        static_cast<unsigned>(code) - static_cast<unsigned>(ErrorCode::kMalformed));
}
static_assert(counter_of(ErrorCode::kMalformed) == table::BrokerCounter::kErrorsMalformed);
static_assert(counter_of(ErrorCode::kVersion) == table::BrokerCounter::kErrorsVersion);
static_assert(counter_of(ErrorCode::kUnknownKind) == table::BrokerCounter::kErrorsUnknownKind);
static_assert(counter_of(ErrorCode::kHelloFirst) == table::BrokerCounter::kErrorsHelloFirst);
static_assert(counter_of(ErrorCode::kWrongRole) == table::BrokerCounter::kErrorsWrongRole);
static_assert(counter_of(ErrorCode::kListNeeded) == table::BrokerCounter::kErrorsListNeeded);
static_assert(counter_of(ErrorCode::kReplaced) == table::BrokerCounter::kErrorsReplaced);
static_assert(counter_of(ErrorCode::kUnknownQuery) == table::BrokerCounter::kErrorsUnknownQuery);
static_assert(counter_of(ErrorCode::kBadId) == table::BrokerCounter::kErrorsBadId);
static_assert(counter_of(ErrorCode::kOverloaded) == table::BrokerCounter::kErrorsOverloaded);

} // namespace

Router::Router(RouterHost& host, RouterOptions options, Time now)
    : host_(host),
      options_(std::move(options)), identity_{options_.name, options_.incarnation, now},
      subscriptions_(std::size_t{options_.peers_max} * kTopicsPerPeer), last_turn_(now),
      settled_at_(now + options_.liveness) {
    ZCOMET_ASSERT(options_.incarnation != 0);
    ZCOMET_ASSERT(options_.random != nullptr);
    ZCOMET_ASSERT(options_.links_per_turn >= 1);
    ZCOMET_ASSERT(options_.heartbeat_interval >= 1ms);
    ZCOMET_ASSERT(options_.liveness > options_.heartbeat_interval);
}

// ---- Dispatch ----------------------------------------------------------------------------------

void Router::on_frame(std::string_view connection, std::string_view frame, Time now) {
    counters_.add(table::BrokerCounter::kFramesIn);
    counters_.add(table::BrokerCounter::kBytesIn, frame.size());
    const Incoming in{connection, frame, peers_.find_connection(connection), now};
    if (in.peer != store::kNoIndex) {
        peers_[in.peer].heard = now;
    }
    const auto decoded = wire::decode(frame);
    if (const auto* refusal = std::get_if<wire::Refusal>(&decoded)) {
        tell_error(in, {refusal->code, refusal->kind, refusal->text});
        return;
    }
    const auto& body = std::get<wire::Frame>(decoded);
    if (may_say(in, wire::kind_of(body))) {
        std::visit([&](const auto& said) { on(in, said); }, body);
    }
}

bool Router::may_say(const Incoming& in, const wire::KindRow& kind) {
    if (kind.from == wire::From::kBroker) {
        refuse(in, ErrorCode::kUnknownKind, "only a broker sends this kind of frame");
        return false;
    }
    if (in.peer == store::kNoIndex && kind.kind != wire::Kind::kHello &&
        replaced_.has_connection(in.connection)) {
        refuse(in, ErrorCode::kReplaced, "a newer process has said HELLO with this node's name");
        return false;
    }
    if (!kind.needs_hello) {
        return true;
    }
    if (in.peer == store::kNoIndex) {
        refuse(in, ErrorCode::kHelloFirst, "this broker does not know you; say HELLO");
        return false;
    }
    if (kind.role && *kind.role != peers_[in.peer].role()) {
        const bool is_senders = *kind.role == wire::Role::kSender;
        refuse(in, ErrorCode::kWrongRole,
               is_senders ? "only a sender sends this" : "only a node sends this");
        return false;
    }
    return true;
}

void Router::on(const Incoming& in, const wire::Ping& ping) {
    counters_.add(table::BrokerCounter::kPings);
    reply(in.connection, wire::encode(wire::Pong{ping.token}));
}

void Router::refuse(const Incoming& in, ErrorCode code, std::string_view text) {
    const auto kind = static_cast<std::uint8_t>(in.bytes[wire::kHeaderBytes - 1]);
    tell_error(in, {code, kind, text});
}

void Router::tell_error(const Incoming& in, const wire::ErrorFrame& error) {
    if (error_limit_.allow(in.connection, in.now)) {
        tell_error_always(in, error);
        return;
    }
    counters_.add(table::BrokerCounter::kErrors);
    counters_.add(counter_of(error.code));
    counters_.add(table::BrokerCounter::kErrorsUntold);
}

void Router::tell_error_always(const Incoming& in, const wire::ErrorFrame& error) {
    counters_.add(table::BrokerCounter::kErrors);
    counters_.add(counter_of(error.code));
    RouterEvent event{.kind = RouterEvent::Kind::kRefused, .code = error.code, .text = error.text};
    if (in.peer != store::kNoIndex) {
        const table::Peer& peer = peers_[in.peer];
        event.name = peer.name;
        event.incarnation = peer.incarnation;
        event.role = peer.role();
    }
    const std::string address = host_.address_of(in.connection);
    event.address = address;
    host_.on_event(event);
    reply(in.connection, wire::encode(error));
}

// ---- What anyone says --------------------------------------------------------------------------

void Router::on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat) {
    table::Peer& peer = peers_[in.peer];
    if (table::NodePart* node = peer.node()) {
        node->streams = heartbeat.streams;
        if (heartbeat.feed > 0) { // or it may speak of another broker's feed
            node->ledger = heartbeat.ledger;
        }
        on_feed_acknowledged(*node, heartbeat.feed, in.now);
        activate(in.peer, *node);
        compare_digests(in, heartbeat);
    } else {
        table::SenderPart& sender = *peer.sender();
        sender.sent = std::max(sender.sent, heartbeat.change);
    }
    if (in.now >= peer.heartbeat_answered + options_.heartbeat_interval / 2) {
        peer.heartbeat_answered = in.now;
        reply(in.connection, wire::encode(heartbeat_for(peer, in.now)));
    }
}

wire::Heartbeat Router::heartbeat_for(table::Peer& peer, Time now) {
    if (const table::NodePart* node = peer.node()) {
        return {node->feed.published(), node->changes_applied, 0};
    }
    // A sender takes it for CREDIT, so it must not undo the holding back.
    table::SenderPart& sender = *peer.sender();
    if (credit_due(sender, now) <= now) {
        take_as_credited(sender);
    }
    return {0, sender.credited, 0};
}

void Router::on_query(const Incoming& in, const wire::Query& query) {
    counters_.add(table::BrokerCounter::kQueries);
    constexpr std::array<std::string_view, 4> kQueries{"nodes", "who", "stats", "ledger"};
    if (std::find(kQueries.begin(), kQueries.end(), query.what) == kQueries.end()) {
        refuse(in, ErrorCode::kUnknownQuery, "there are the queries nodes, who, stats and ledger");
        return;
    }
    const bool is_who = query.what == "who";
    if (is_who && !wire::valid_id(query.argument)) {
        refuse(in, ErrorCode::kBadId, wire::why_invalid_id(query.argument));
        return;
    }
    if (!is_who && !query.argument.empty()) {
        refuse(in, ErrorCode::kMalformed, "this query takes no argument");
        return;
    }
    const std::string json = is_who                   ? who_json(peers_, table_, query.argument)
                             : query.what == "nodes"  ? nodes_json(peers_, table_, in.now)
                             : query.what == "ledger" ? ledger()
                                                      : stats_json(identity_, counters_, in.now);
    if (json.size() + kAnswerBytes > wire::kFrameBytesMax) {
        refuse(in, ErrorCode::kOverloaded, "the answer is longer than a frame may be");
        return;
    }
    reply(in.connection, wire::encode(wire::Answer{query.token, json}));
}

std::string Router::ledger() {
    peers_.for_each([this](table::PeerIndex, table::Peer& peer) {
        if (table::NodePart* node = peer.node()) {
            count_feed(peer, *node);
        }
    });
    return ledger_json(peers_, counters_, departed_);
}

// ---- Subscriptions and time --------------------------------------------------------------------

void Router::on_subscription(std::string_view topic, bool subscribed) {
    const auto incarnation = table::Subscriptions::incarnation_of(topic);
    const table::PeerIndex index =
        incarnation ? peers_.find_incarnation(*incarnation) : store::kNoIndex;
    table::NodePart* node = index == store::kNoIndex ? nullptr : peers_[index].node();
    if (!incarnation || !subscriptions_.change(*incarnation, subscribed, node != nullptr)) {
        counters_.add(table::BrokerCounter::kSubscriptionsIgnored);
        return;
    }
    if (node == nullptr) {
        return;
    }
    const bool was_subscribed = node->feed.is_subscribed();
    // A further subscription is a new connection that may have missed something: it gets an empty
    // batch at once, as the first one did.
    node->feed.subscribed(subscriptions_.has(*incarnation));
    activate(index, *node);
    if (!was_subscribed && node->feed.is_subscribed()) {
        report(RouterEvent::Kind::kLive, peers_[index]);
    }
}

void Router::turn(Time now) {
    forgive_own_pause(now);
    if (next_sweep_ <= now) {
        sweep(now);
    }
    publish_due(now);
    give_credits(now);
    reclaim(options_.links_per_turn);
    counters_.set(table::BrokerCounter::kIds, table_.id_count());
    counters_.set(table::BrokerCounter::kNodes, peers_.node_count());
    counters_.set(table::BrokerCounter::kSenders, peers_.sender_count());
}

Time Router::due() const {
    if (table_.has_to_reclaim()) {
        return last_turn_;
    }
    Time due = std::min(next_sweep_, next_credit_);
    for (const table::PeerIndex index : active_feeds_) {
        due = std::min(due, peers_[index].node()->feed.due());
    }
    return due;
}

/// A broker that was stopped (a debugger, a suspended machine) could not hear its peers: their
/// silence meanwhile is not theirs.
void Router::forgive_own_pause(Time now) {
    const Duration pause = now - std::exchange(last_turn_, now);
    // Without peers there is nothing to wake up for, so a long sleep is no pause then.
    const bool had_peers = std::exchange(had_peers_, peers_.size() > 0);
    if (pause <= options_.heartbeat_interval || !had_peers) {
        return;
    }
    peers_.for_each([&](table::PeerIndex /*index*/, table::Peer& peer) {
        peer.heard = std::min(peer.heard + pause, now);
    });
    host_.on_event({.kind = RouterEvent::Kind::kPaused,
                    .count = static_cast<std::uint64_t>(
                        std::chrono::duration_cast<std::chrono::milliseconds>(pause).count())});
}

void Router::sweep(Time now) {
    dead_.clear();
    peers_.for_each([&](table::PeerIndex index, table::Peer& peer) {
        if (peer.heard + options_.liveness <= now && !ZCOMET_MUTANT(kNeverSweep)) {
            dead_.push_back(index);
            return;
        }
        table::NodePart* node = peer.node();
        if (node != nullptr && node->next_feed_heartbeat <= now) {
            node->next_feed_heartbeat = now + options_.heartbeat_interval;
            node->feed.heartbeat();
            activate(index, *node);
        }
    });
    bool was_listed = false;
    for (const table::PeerIndex index : dead_) {
        was_listed = bury(index, RouterEvent::Kind::kDied) || was_listed;
    }
    if (was_listed) {
        unlist_the_gone(); // once, however many died
    }
    next_sweep_ =
        peers_.size() == 0 ? kNever : now + options_.heartbeat_interval / kSweepsPerHeartbeat;
}

/// Until no link is left that bears a node's index, no other peer may have it.
void Router::reclaim(std::uint32_t links_max) {
    table_.reclaim(links_max, [this](table::NodeIndex index) { peers_.free(index); });
}

void Router::activate(table::PeerIndex index, table::NodePart& node) {
    if (!node.feed_active) {
        node.feed_active = true;
        active_feeds_.push_back(index);
    }
}

void Router::publish_due(Time now) {
    std::erase_if(active_feeds_, [&](table::PeerIndex index) {
        table::Peer& peer = peers_[index];
        table::NodePart& node = *peer.node();
        node.feed.flush(now, [&](const feed::SharedFrame& frame) {
            counters_.add(table::BrokerCounter::kBatchesPublished);
            counters_.add(table::BrokerCounter::kBytesPublished, frame->size());
            host_.publish(node.topic, frame);
        });
        count_feed(peer, node);
        node.feed_active = node.feed.due() != kNever;
        return !node.feed_active;
    });
}

void Router::count_feed(const table::Peer& peer, table::NodePart& node) {
    const std::uint64_t acknowledged =
        node.feed.acknowledged_messages() - node.acknowledged_counted;
    node.acknowledged_counted += acknowledged;
    counters_.add(table::BrokerCounter::kMessagesAcknowledged, acknowledged);
    const std::uint64_t resent = node.feed.resent_batches() - node.resent_counted;
    node.resent_counted += resent;
    counters_.add(table::BrokerCounter::kBatchesResent, resent);
    const std::uint64_t shed = node.feed.shed_messages() - node.shed_counted;
    if (shed > 0) {
        node.shed_counted += shed;
        counters_.add(table::BrokerCounter::kMessagesShed, shed);
        report(RouterEvent::Kind::kShed, peer, shed);
        settle_shed(node);
    }
}

/// Whoever awaits an acknowledgement of what was shed since the last call is told.
void Router::settle_shed(table::NodePart& node) {
    const std::uint64_t through = node.feed.shed_through();
    acknowledgements_.shed(
        node.awaited, node.shed_settled, through,
        [&node](std::uint64_t batch) { return node.feed.was_shed(batch); },
        [this](const table::AwaitedSend& send) { acknowledge(send); });
    node.shed_settled = through;
}

void Router::reply(std::string_view connection, std::string frame) {
    if (!host_.send_to_peer(connection, std::move(frame))) {
        counters_.add(table::BrokerCounter::kRepliesUnroutable);
    }
}

void Router::report(RouterEvent::Kind kind, const table::Peer& peer, std::uint64_t count) {
    host_.on_event({.kind = kind,
                    .name = peer.name,
                    .incarnation = peer.incarnation,
                    .role = peer.role(),
                    .address = peer.address,
                    .count = count});
}

} // namespace zcomet::broker::router
