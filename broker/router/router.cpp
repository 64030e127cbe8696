#include "broker/router/router.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace zcomet::broker::router {

namespace {

using wire::ErrorCode;

RouterState make_state(RouterHost& host, RouterOptions options, Time now) {
    ZCOMET_ASSERT(options.incarnation != 0);
    ZCOMET_ASSERT(options.random != nullptr);
    ZCOMET_ASSERT(options.links_per_turn >= 1);
    ZCOMET_ASSERT(options.peers_per_turn >= 1);
    ZCOMET_ASSERT(options.heartbeat_interval >= 1ms);
    ZCOMET_ASSERT(options.liveness > options.heartbeat_interval);
    const BrokerIdentity identity{options.name, options.incarnation, now};
    return {.host = host, .options = std::move(options), .identity = identity};
}

} // namespace

Router::Router(RouterHost& host, RouterOptions options, Time now)
    : state_(make_state(host, std::move(options), now)), histories_(state_, now), last_turn_(now) {}

void Router::set_options(RouterOptions options) {
    ZCOMET_ASSERT(options.incarnation == state_.options.incarnation);
    ZCOMET_ASSERT(options.liveness == state_.options.liveness);
    options.feed_endpoint = std::move(state_.options.feed_endpoint);
    options.history = std::move(state_.options.history); // the store refers to it where it is
    options.unix_ms = state_.options.unix_ms;
    const bool has_other_list = options.list != state_.options.list;
    state_.options = std::move(options);
    feeds_.on_options();
    queries_.on_options();
    histories_.on_options();
    if (has_other_list) {
        joining_.on_list(last_turn_);
    }
}

// ---- Dispatch ----------------------------------------------------------------------------------

void Router::on_frame(std::string_view connection, std::string_view frame, Time now,
                      const keys::KnownKey* key) {
    forgive_own_pause(now); // first: who spoke last counts when a peer comes over a new connection
    state_.count(table::BrokerCounter::kFramesIn);
    state_.count(table::BrokerCounter::kBytesIn, frame.size());
    const Incoming in{connection, frame, state_.peers.find_connection(connection), now, key};
    if (in.peer != store::kNoIndex) {
        state_.hear(state_.peers[in.peer], now);
    }
    // Before the frame is read, which may take milliseconds.
    const wire::KindRow* const kind = wire::kind_of_frame(frame);
    const bool may_say_it = kind == nullptr || may_say(in, *kind);
    const bool waits = kind != nullptr && may_say_it && backlog_.takes_unread(in);
    state_.intake.add_frame(waits ? frame.size() / kUnreadPart : frame.size());
    if (!may_say_it || waits) {
        return;
    }
    const auto decoded = wire::decode(frame);
    if (const auto* refusal = std::get_if<wire::Refusal>(&decoded)) {
        refusals_.tell(in, {refusal->code, refusal->kind, refusal->text});
        return;
    }
    const auto& body = std::get<wire::Frame>(decoded);
    if (!backlog_.takes(in, body)) {
        std::visit([&](const auto& said) { on(in, said); }, body);
    }
}

bool Router::may_say(const Incoming& in, const wire::KindRow& kind) {
    if (kind.from == wire::From::kBroker) {
        refusals_.refuse(in, ErrorCode::kUnknownKind, "only a broker sends this kind of frame");
        return false;
    }
    if (!rights_.may_speak(in)) {
        return false;
    }
    if (in.peer == store::kNoIndex && kind.kind != wire::Kind::kHello &&
        joining_.was_replaced(in.connection)) {
        refusals_.refuse(in, ErrorCode::kReplaced,
                         "a newer process has said HELLO with this node's name");
        return false;
    }
    if (!kind.needs_hello) {
        return true;
    }
    if (in.peer == store::kNoIndex) {
        refusals_.refuse(in, ErrorCode::kHelloFirst, "this broker does not know you; say HELLO");
        return false;
    }
    if (kind.role && *kind.role != state_.peers[in.peer].role()) {
        const bool is_senders = *kind.role == wire::Role::kSender;
        refusals_.refuse(in, ErrorCode::kWrongRole,
                         is_senders ? "only a sender sends this" : "only a node sends this");
        return false;
    }
    return true;
}

void Router::on(const Incoming& in, const wire::Query& query) {
    switch (rights_.may_ask(in, query)) {
    case Rights::Answer::kNone:
        return;
    case Rights::Answer::kOwn:
        queries_.on_query_about_itself(in, query);
        return;
    case Rights::Answer::kAll:
        queries_.on_query(in, query);
        return;
    }
}

void Router::on(const Incoming& in, const wire::Hello& hello) {
    if (!rights_.may_join(in, hello)) {
        return;
    }
    joining_.on_hello(in, hello);
    if (state_.peers.size() > 0) {
        const Duration interval = state_.options.heartbeat_interval / kSweepsPerHeartbeat;
        next_sweep_ = std::min(next_sweep_, in.now + interval);
    }
}

void Router::on(const Incoming& in, const wire::Heartbeat& heartbeat) {
    table::Peer& peer = state_.peers[in.peer];
    if (peer.sender() != nullptr) {
        if (!sends_.on_heartbeat(in, heartbeat)) {
            return;
        }
    } else {
        feeds_.on_heartbeat(in, heartbeat);
        presence_.on_heartbeat(in, heartbeat);
    }
    if (in.now >= peer.heartbeat_answered + state_.options.heartbeat_interval / 2) {
        peer.heartbeat_answered = in.now;
        state_.reply(in.connection, wire::encode(heartbeat_for(peer, in.now)));
    }
}

wire::Heartbeat Router::heartbeat_for(table::Peer& peer, Time now) {
    if (const table::NodePart* node = peer.node()) {
        return {node->feed.published(), node->changes_applied, 0, 0, {}, node->feed.incarnation()};
    }
    return {0, credit_.credited(*peer.sender(), now), 0};
}

// ---- Time --------------------------------------------------------------------------------------

void Router::turn(Time now) {
    forgive_own_pause(now);
    state_.intake.begin_turn();
    if (next_sweep_ <= now && dead_.empty() && revoked_.empty()) {
        sweep(now);
    }
    bury_dead(now);
    bury_revoked();
    backlog_.turn(now, [this](const Incoming& in, const wire::Frame& frame) {
        std::visit([&](const auto& said) { on(in, said); }, frame);
    });
    feeds_.publish_due(now);
    credit_.give_due(now);
    presence_.reclaim(state_.options.links_per_turn);
    queries_.turn(now);
    histories_.turn(now);
    idempotency_.turn(now);
    count_memory();
    set_gauges();
    had_peers_ = state_.peers.size() > 0;
}

Time Router::due() const {
    if (state_.table.has_to_reclaim() || !dead_.empty() || !revoked_.empty()) {
        return last_turn_;
    }
    return std::min({next_sweep_, credit_.due(), feeds_.due(), queries_.due(), backlog_.due(),
                     histories_.due(), idempotency_.due()});
}

/// A broker that was stopped (by a debugger, or with its machine) could not hear its peers, so that
/// time does not count as their silence.
void Router::forgive_own_pause(Time now) {
    const Duration pause = now - std::exchange(last_turn_, now);
    // Without peers there is nothing to wake up for, so a long sleep is no pause then.
    if (pause <= state_.options.heartbeat_interval || !had_peers_) {
        return;
    }
    state_.paused += pause;
    state_.host.on_event(
        {.kind = RouterEvent::Kind::kPaused, .count = static_cast<std::uint64_t>(in_ms(pause))});
}

/// Looks over some of the peers. A sweep of very many peers takes many turns.
void Router::sweep(Time now) {
    const table::PeerIndex bound = state_.peers.index_bound();
    const std::uint32_t count = std::min(bound - sweep_at_, state_.options.peers_per_turn);
    for (const table::PeerIndex end = sweep_at_ + count; sweep_at_ < end; ++sweep_at_) {
        if (state_.peers.contains(sweep_at_)) {
            look_over(sweep_at_, now);
        }
    }
    if (sweep_at_ < bound) {
        return; // it goes on in the next turn
    }
    sweep_at_ = 0;
    most_ids_ = std::exchange(most_ids_so_far_, 0);
    next_sweep_ = state_.peers.size() == 0
                      ? kNever
                      : now + state_.options.heartbeat_interval / kSweepsPerHeartbeat;
}

void Router::look_over(table::PeerIndex index, Time now) {
    joining_.settle_claim(index, now); // before it passes for dead
    table::Peer& peer = state_.peers[index];
    if (!Rights::may_stay(peer)) {
        revoked_.push_back(index);
    } else if (state_.silence_of(peer, now) >= state_.options.liveness) {
        dead_.push_back(index);
    } else if (table::NodePart* node = peer.node()) {
        most_ids_so_far_ = std::max(most_ids_so_far_, state_.table.id_count(index));
        feeds_.beat(index, *node, now);
    }
}

/// Some of those that the sweep found. One that was heard meanwhile lives, and an index may
/// belong to another peer now.
void Router::bury_dead(Time now) {
    if (dead_.empty()) {
        return;
    }
    const std::size_t left = dead_.size() - std::min(dead_.size(), kBurialsPerTurn);
    const auto first = dead_.begin() + static_cast<std::ptrdiff_t>(left);
    const auto end = std::remove_if(first, dead_.end(), [&](table::PeerIndex index) {
        return !state_.peers.contains(index) ||
               state_.silence_of(state_.peers[index], now) < state_.options.liveness;
    });
    joining_.on_dead({first, end}, now);
    dead_.resize(left);
}

/// Likewise. An index may belong to another peer now, whose key is good.
void Router::bury_revoked() {
    for (std::size_t i = 0; i < kBurialsPerTurn && !revoked_.empty(); ++i) {
        const table::PeerIndex index = revoked_.back();
        revoked_.pop_back();
        if (state_.peers.contains(index) && !Rights::may_stay(state_.peers[index])) {
            joining_.on_revoked(index);
        }
    }
}

void Router::count_memory() {
    state_.memory.awaited = confirmations_.memory_bytes();
    state_.memory.tables = state_.table.memory_bytes() + idempotency_.keys().memory_bytes();
    state_.memory.queues = state_.host.queued_bytes();
    state_.memory.waiting = backlog_.waiting_bytes();
    feeds_.look_at_memory();
}

void Router::set_gauges() {
    state_.counters.set(table::BrokerCounter::kIds, state_.table.id_count());
    state_.counters.set(table::BrokerCounter::kNodes, state_.peers.node_count());
    state_.counters.set(table::BrokerCounter::kSenders, state_.peers.sender_count());
    bounds_.note(Bound::kPeers, state_.peers.size(), state_.options.peers_max);
    state_.counters.set(table::BrokerCounter::kMemoryBytes, state_.memory.used());
    bounds_.note(Bound::kMemory, state_.memory.used(), state_.options.memory_max);
    state_.counters.set(table::BrokerCounter::kQueuesBytes, state_.memory.queues);
    bounds_.note(Bound::kQueues, state_.memory.queues, state_.options.memory_max / kQueuesPart);
    bounds_.note(Bound::kNodeIds, most_ids_, state_.options.ids_per_node);
    bounds_.note(Bound::kIds, state_.table.held_count(), state_.options.ids_max);
    bounds_.note(Bound::kQueries, queries_.waiting(), Queries::kWaitingMax);
    state_.counters.set(table::BrokerCounter::kHistoryBytes, histories_.bytes());
    bounds_.note(Bound::kHistory, histories_.bytes(), state_.options.history_bytes);
    state_.counters.set(table::BrokerCounter::kKeys, idempotency_.keys().size());
    bounds_.note(Bound::kKeys, idempotency_.keys().size(), idempotency_.keys().most());
}

} // namespace zcomet::broker::router
