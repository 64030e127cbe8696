#include "broker/router/joining.hpp"

#include "broker/router/answers.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace zcomet::broker::router {

namespace {

using wire::ErrorCode;

/// In the form of the protocol.
std::uint32_t ms_u32(Duration duration) {
    return static_cast<std::uint32_t>(in_ms(duration));
}

/// A HEARTBEAT that tells the peer nothing new.
std::string probe_for(const table::Peer& peer) {
    if (const table::NodePart* node = peer.node()) {
        return wire::encode(wire::Heartbeat{node->feed.published(), node->changes_applied, 0});
    }
    return wire::encode(wire::Heartbeat{0, peer.sender()->credited, 0});
}

} // namespace

Joining::Joining(RouterState& state, Refusals& refusals, Confirmations& confirmations, Feeds& feeds,
                 Credit& credit, const Histories& histories)
    : state_(state), refusals_(refusals), confirmations_(confirmations), feeds_(feeds),
      credit_(credit), histories_(histories),
      settled_at_(state.identity.started + state.options.liveness),
      newest_list_(state.options.list.version) {}

// ---- Coming ------------------------------------------------------------------------------------

void Joining::on_hello(const Incoming& in, const wire::Hello& hello) {
    table::PeerIndex index = state_.peers.find_incarnation(hello.incarnation);
    if (!may_join(in, hello, index)) {
        return;
    }
    const bool comes_back =
        index != store::kNoIndex && state_.peers[index].connection != in.connection;
    if (comes_back && !is_gone(state_.peers[index], in.now)) {
        wait_for_proof(in, hello, index);
        return;
    }
    if (in.peer != store::kNoIndex && in.peer != index) {
        // The connection speaks for another process now, so the earlier one is gone.
        remove(in.peer, RouterEvent::Kind::kLeft);
    }
    if (index == store::kNoIndex) {
        index = admit(in, hello);
    } else if (comes_back) {
        claims_.erase(index);
        const std::string address = state_.host.address_of(in.connection);
        reconnect(index, {std::string(in.connection), address, hello.sent, hello.list, in.now},
                  in.now);
        return;
    }
    begin_connection(index, hello.sent, hello.list, in.now);
}

/// The peer has said HELLO on its connection.
void Joining::begin_connection(table::PeerIndex index, std::uint64_t sent,
                               const wire::ListMark& list, Time now) {
    note_list(state_.peers[index], list);
    if (table::NodePart* node = state_.peers[index].node();
        node != nullptr && node->list_under_way) {
        // The rest of the list was lost with the connection, which the numbers in the WELCOME may
        // not show. The next HEARTBEAT will ask for the list.
        node->list_under_way.reset();
        node->list_needed = true;
    }
    if (table::SenderPart* sender = state_.peers[index].sender()) {
        sender->said = 0; // by this connection, so far
        sender->say_sent(sent);
        state_.ledger.on_sender(*sender);
    }
    welcome(index, now);
}

void Joining::on_list(Time now) {
    newest_list_ = std::max(newest_list_, state_.options.list.version);
    state_.peers.for_each(
        [this, now](table::PeerIndex index, const table::Peer& /*peer*/) { welcome(index, now); });
}

/// Each newer version is told of once.
void Joining::note_list(table::Peer& peer, const wire::ListMark& list) {
    peer.list = list;
    if (newest_list_ < list.version) {
        newest_list_ = list.version;
        state_.host.on_event({.kind = RouterEvent::Kind::kListOld,
                              .name = peer.name,
                              .count = list.version,
                              .bound = state_.options.list.version});
    }
}

bool Joining::has_same_list(const Incoming& in, const wire::Hello& hello) {
    const wire::ListMark& ours = state_.options.list;
    if (!ours.contradicts(hello.list)) {
        return true;
    }
    const std::string words = "two lists of brokers have version " + std::to_string(ours.version) +
                              ": the broker's has the hash " + hex_u64(ours.hash) + ", yours " +
                              hex_u64(hello.list.hash) + "; give the newer one a higher version";
    refusals_.refuse(in, ErrorCode::kOtherList, words);
    return false;
}

/// Where keys are used. What a process is known by is no secret to all others: those that get its
/// messages, and operators, see it.
bool Joining::is_own(const Incoming& in, const wire::Hello& hello, table::PeerIndex known) {
    const bool is_node = hello.role == wire::Role::kNode;
    const keys::KnownKey* owner = nullptr;
    if (known != store::kNoIndex) {
        owner = state_.peers[known].key;
    } else if (is_node && feeds_.owner_of(hello.incarnation) != nullptr) {
        owner = feeds_.owner_of(hello.incarnation); // its subscription came first
    } else if (!is_node) {
        owner = departed_.owner_of(hello.incarnation);
    }
    if (owner != nullptr && owner != in.key) {
        refusals_.refuse(in, ErrorCode::kNotAllowed, "this incarnation belongs to another key");
        return false;
    }
    owner = is_node ? owners_.find(hello.name) : nullptr;
    if (const table::PeerIndex holder =
            is_node ? state_.peers.find_node(hello.name) : store::kNoIndex;
        holder != store::kNoIndex) {
        owner = state_.peers[holder].key;
    }
    if (owner != nullptr && owner != in.key) {
        refusals_.refuse(in, ErrorCode::kNotAllowed, "this node's name belongs to another key");
        return false;
    }
    return true;
}

bool Joining::may_join(const Incoming& in, const wire::Hello& hello, table::PeerIndex known) {
    if (in.key != nullptr && !is_own(in, hello, known)) {
        return false;
    }
    if (!has_same_list(in, hello)) {
        return false;
    }
    if (known != store::kNoIndex) {
        return may_come_back(in, hello, state_.peers[known]);
    }
    const table::PeerIndex holder =
        hello.role == wire::Role::kNode ? state_.peers.find_node(hello.name) : store::kNoIndex;
    if (holder != store::kNoIndex && replaced_.has_incarnation(hello.incarnation)) {
        refusals_.refuse(in, ErrorCode::kReplaced,
                         "a newer process has said HELLO with this node's name");
        return false;
    }
    const bool takes_a_place = holder == store::kNoIndex && in.peer == store::kNoIndex;
    if (takes_a_place && state_.is_memory_full()) {
        state_.count(table::BrokerCounter::kPeersRefused);
        refusals_.refuse(in, ErrorCode::kOverloaded, "this broker takes as much memory as it may");
        return false;
    }
    if (takes_a_place && state_.peers.size() >= state_.options.peers_max) {
        state_.count(table::BrokerCounter::kPeersRefused);
        refusals_.refuse(in, ErrorCode::kOverloaded,
                         "this broker has as many peers as it may have");
        return false;
    }
    return true;
}

bool Joining::may_come_back(const Incoming& in, const wire::Hello& hello, const table::Peer& peer) {
    if (peer.role() != hello.role) {
        refusals_.refuse(in, ErrorCode::kWrongRole,
                         "this incarnation said HELLO in the other role");
        return false;
    }
    if (peer.name != hello.name) {
        refusals_.refuse(in, ErrorCode::kMalformed,
                         "this incarnation said HELLO with another name");
        return false;
    }
    if (const table::SenderPart* sender = peer.sender();
        sender != nullptr && !sender->may_have_sent(hello.sent, state_.under_way_max())) {
        refusals_.refuse(in, ErrorCode::kMalformed,
                         "a sender cannot have sent so many messages without credit");
        return false;
    }
    return true;
}

table::PeerIndex Joining::admit(const Incoming& in, const wire::Hello& hello) {
    const bool is_node = hello.role == wire::Role::kNode;
    if (is_node) {
        replace(state_.peers.find_node(hello.name));
    }
    replaced_.forget(hello.incarnation);
    auto peer = std::make_unique<table::Peer>();
    peer->incarnation = hello.incarnation;
    peer->name = hello.name;
    peer->connection = in.connection;
    peer->key = in.key;
    if (is_node && in.key != nullptr) {
        owners_.note(hello.name, *in.key);
    }
    peer->address = state_.host.address_of(in.connection);
    peer->joined = in.now;
    state_.hear(*peer, in.now);
    if (is_node) {
        const std::uint64_t feed = state_.options.random();
        peer->part.emplace<table::NodePart>(feed, state_.options.feed,
                                            wire::encode_topic(hello.incarnation),
                                            state_.options.resends_per_second,
                                            state_.options.lists_per_second, &state_.memory.feeds);
    } else {
        table::SenderPart& sender = *peer->sender();
        sender.sent_before = hello.sent;
        // One that says less than it has sent is another process, or lies.
        auto [highest, gaps, owner] = departed_.take(hello.incarnation);
        if (highest <= hello.sent) {
            sender.taken_in = highest;
            sender.gaps = std::move(gaps);
        }
    }
    const table::PeerIndex index = state_.peers.add(std::move(peer));
    state_.count(is_node ? table::BrokerCounter::kNodesJoined
                         : table::BrokerCounter::kSendersJoined);
    state_.report(RouterEvent::Kind::kJoined, state_.peers[index]);
    if (is_node) {
        feeds_.on_joined(index, in.now);
    }
    return index;
}

/// A newer process takes the name of the node `holder`, if there is one.
void Joining::replace(table::PeerIndex holder) {
    if (holder != store::kNoIndex) {
        replaced_.add(state_.peers[holder].incarnation, state_.peers[holder].connection);
        remove(holder, RouterEvent::Kind::kReplaced);
    }
}

// ---- Coming back -------------------------------------------------------------------------------
//
// An incarnation is no secret: who knows it could speak for a living peer. So a peer keeps its
// connection until that is known to be gone. After an ordinary end of a connection ZeroMQ knows it
// before the new one is made. If only the network knows, the silence of the old connection tells.

/// A living peer sends a HEARTBEAT in each interval, and one that is silent for the liveness time
/// is dead. Between the two it may go on over another connection.
bool Joining::is_silent(const table::Peer& peer, Time now) const {
    return state_.silence_of(peer, now) >=
           (state_.options.heartbeat_interval + state_.options.liveness) / 2;
}

bool Joining::is_gone(const table::Peer& peer, Time now) {
    if (is_silent(peer, now)) {
        return true;
    }
    return !state_.host.is_connected(peer.connection, probe_for(peer));
}

void Joining::wait_for_proof(const Incoming& in, const wire::Hello& hello, table::PeerIndex index) {
    if (in.peer == store::kNoIndex) { // a connection that speaks for another peer has to ask again
        claims_[index] = {std::string(in.connection), state_.host.address_of(in.connection),
                          hello.sent, hello.list, in.now};
    }
    refusals_.refuse(in, ErrorCode::kInUse,
                     "this process lives on another connection; say HELLO again");
}

void Joining::settle_claim(table::PeerIndex index, Time now) {
    const auto found = claims_.find(index);
    if (found == claims_.end()) {
        return;
    }
    const table::Peer& peer = state_.peers[index];
    const bool is_over = found->second.at + state_.options.liveness <= now ||
                         state_.peers.find_connection(found->second.connection) != store::kNoIndex;
    if (!is_over && !is_silent(peer, now)) {
        return;
    }
    const Claim claim = std::move(found->second);
    claims_.erase(found);
    // A claim that nobody stands by any more must not keep a dead peer.
    if (!is_over && state_.host.is_connected(claim.connection, probe_for(peer))) {
        reconnect(index, claim, now);
    }
}

void Joining::reconnect(table::PeerIndex index, const Claim& claim, Time now) {
    table::Peer& peer = state_.peers[index];
    state_.peers.move(index, claim.connection);
    if (table::NodePart* node = peer.node(); node != nullptr && node->waiting != nullptr) {
        // They came over the connection that is gone. One of them may have been applied in part.
        node->waiting.reset();
        node->list_needed = true;
    }
    state_.hear(peer, now);
    peer.address = claim.address;
    state_.count(table::BrokerCounter::kPeersReconnected);
    state_.report(RouterEvent::Kind::kReconnected, peer);
    begin_connection(index, claim.sent, claim.list, now);
}

void Joining::welcome(table::PeerIndex index, Time now) {
    table::Peer& peer = state_.peers[index];
    const RouterOptions& options = state_.options;
    wire::Welcome welcome;
    welcome.incarnation = options.incarnation;
    welcome.name = options.name;
    welcome.heartbeat_ms = ms_u32(options.heartbeat_interval);
    welcome.liveness_ms = ms_u32(options.liveness);
    welcome.list = options.list;
    if (const table::NodePart* node = peer.node()) {
        welcome.part =
            wire::NodeWelcome{options.feed_endpoint, node->feed.incarnation(),
                              node->changes_applied, node->feed.published(), histories_.terms()};
    } else {
        table::SenderPart& sender = *peer.sender();
        Credit::take_as_credited(sender);
        sender.note_welcome(state_.under_way_max());
        welcome.part = wire::SenderWelcome{options.sender_window_bytes, sender.credited,
                                           ms_u32(std::max(settled_at_ - now, Duration::zero()))};
    }
    state_.reply(peer.connection, wire::encode(welcome));
}

// ---- Going -------------------------------------------------------------------------------------

void Joining::on_goodbye(const Incoming& in) {
    remove(in.peer, RouterEvent::Kind::kLeft);
}

void Joining::on_dead(std::span<const table::PeerIndex> dead, Time now) {
    bool was_listed = false;
    for (const table::PeerIndex index : dead) {
        if (state_.peers[index].node() != nullptr) {
            // The node may only have been cut off, with senders to its ids, and come back.
            settled_at_ = now + state_.options.liveness;
        }
        was_listed = bury(index, RouterEvent::Kind::kDied) || was_listed;
    }
    if (was_listed) {
        drop_removed(); // once, however many died
    }
}

void Joining::remove(table::PeerIndex index, RouterEvent::Kind why) {
    if (bury(index, why)) {
        drop_removed();
    }
}

void Joining::drop_removed() {
    feeds_.drop_removed();
    credit_.drop_removed();
}

bool Joining::bury(table::PeerIndex index, RouterEvent::Kind why) {
    table::Peer& peer = state_.peers[index];
    state_.report(why, peer, state_.table.id_count(index));
    count_removal(peer, why);
    bool index_is_free = true;
    bool is_listed = false;
    if (table::NodePart* node = peer.node()) {
        if (peer.key != nullptr && !peer.key->is_revoked()) {
            owners_.note(peer.name, *peer.key); // it may be forgotten by now
        }
        feeds_.on_leaving(peer, *node);
        state_.ledger.on_gone(peer);
        index_is_free = state_.table.remove_node(index);
        is_listed = node->feed_active;
    } else {
        bury_sender(peer);
        is_listed = peer.sender()->credit_owed;
    }
    claims_.erase(index);
    state_.peers.remove(index);
    if (index_is_free) {
        state_.peers.free(index);
    }
    return is_listed;
}

void Joining::bury_sender(table::Peer& peer) {
    table::SenderPart& sender = *peer.sender();
    confirmations_.on_sender_gone(sender);
    state_.ledger.on_gone(peer);
    state_.count(table::BrokerCounter::kMessagesMissing, sender.missing());
    departed_.add(peer.incarnation, {sender.taken_in, std::move(sender.gaps), peer.key});
}

void Joining::count_removal(const table::Peer& peer, RouterEvent::Kind why) {
    const bool is_node = peer.node() != nullptr;
    if (why == RouterEvent::Kind::kReplaced) {
        state_.count(table::BrokerCounter::kNodesReplaced);
    } else if (why == RouterEvent::Kind::kRevoked) {
        state_.count(is_node ? table::BrokerCounter::kNodesRevoked
                             : table::BrokerCounter::kSendersRevoked);
    } else if (why == RouterEvent::Kind::kDied) {
        state_.count(is_node ? table::BrokerCounter::kNodesDied
                             : table::BrokerCounter::kSendersDied);
    } else {
        state_.count(is_node ? table::BrokerCounter::kNodesLeft
                             : table::BrokerCounter::kSendersLeft);
    }
}

} // namespace zcomet::broker::router
