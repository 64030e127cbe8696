#include "broker/router.hpp"

#include "topology/check.hpp"
#include "topology/id.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace zcomet {

namespace {

using wire::ErrorCode;

/// Peers are looked over this often in each heartbeat interval: the dead are found that much late
/// at most.
constexpr int kSweepsPerHeartbeat = 10;
/// Credit is held back for at most this long, however slow the nodes are.
constexpr Duration kWithholdMax = 1s;
/// A node that has acknowledged nothing for this long is stalled, and holds no sender back.
constexpr Duration kProgressExpected = 500ms;
/// Slow nodes remembered for a sender. Any one of them holds it back, so a few will do.
constexpr std::size_t kSlowNodesMax = 16;
/// CREDIT is given when this part of the window was taken in.
constexpr std::size_t kCreditPart = 4;
/// Topics may wait for the HELLO of their node, beside those of nodes that are there.
constexpr std::size_t kTopicsPerPeer = 2;
/// Of an ANSWER, beside its JSON.
constexpr std::size_t kAnswerBytes = wire::kHeaderBytes + 8 + 4;

bool is_from_peer(wire::Kind kind) {
    switch (kind) {
    case wire::Kind::kHello:
    case wire::Kind::kGoodbye:
    case wire::Kind::kHeartbeat:
    case wire::Kind::kLogin:
    case wire::Kind::kLogout:
    case wire::Kind::kList:
    case wire::Kind::kResend:
    case wire::Kind::kSend:
    case wire::Kind::kPing:
    case wire::Kind::kQuery:
        return true;
    default:
        return false;
    }
}

bool needs_no_hello(wire::Kind kind) {
    return kind == wire::Kind::kHello || kind == wire::Kind::kPing || kind == wire::Kind::kQuery;
}

bool fits_role(wire::Kind kind, wire::Role role) {
    switch (kind) {
    case wire::Kind::kLogin:
    case wire::Kind::kLogout:
    case wire::Kind::kList:
    case wire::Kind::kResend:
        return role == wire::Role::kNode;
    case wire::Kind::kSend:
        return role == wire::Role::kSender;
    default:
        return true;
    }
}

std::uint32_t to_ms(Duration duration) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

} // namespace

Router::Router(RouterHost& host, RouterOptions options, Time now)
    : host_(host),
      options_(std::move(options)), identity_{options_.name, options_.incarnation, now},
      subscriptions_(std::size_t{options_.peers_max} * kTopicsPerPeer), last_turn_(now) {
    ZCOMET_ASSERT(options_.incarnation != 0);
    ZCOMET_ASSERT(options_.random != nullptr);
    ZCOMET_ASSERT(options_.heartbeat_interval >= 1ms);
    ZCOMET_ASSERT(options_.liveness > options_.heartbeat_interval);
}

// ---- Dispatch ----------------------------------------------------------------------------------

void Router::on_frame(std::string_view connection, std::string_view frame, Time now) {
    counters_.add(BrokerCounter::kFramesIn);
    counters_.add(BrokerCounter::kBytesIn, frame.size());
    const Incoming in{connection, frame, peers_.find_connection(connection), now};
    if (in.peer != kNoIndex) {
        peers_[in.peer].heard = now;
    }
    const auto decoded = wire::decode(frame);
    if (const auto* refusal = std::get_if<wire::Refusal>(&decoded)) {
        tell_error(in, {refusal->code, refusal->kind, refusal->text});
        return;
    }
    const auto kind = static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]);
    if (may_say(in, kind)) {
        dispatch(in, kind, std::get<wire::Frame>(decoded));
    }
}

bool Router::may_say(const Incoming& in, wire::Kind kind) {
    if (!is_from_peer(kind)) {
        refuse(in, ErrorCode::kUnknownKind, "only a broker sends this kind of frame");
        return false;
    }
    if (in.peer == kNoIndex && kind != wire::Kind::kHello &&
        replaced_.has_connection(in.connection)) {
        refuse(in, ErrorCode::kReplaced, "a newer process has said HELLO with this node's name");
        return false;
    }
    if (needs_no_hello(kind)) {
        return true;
    }
    if (in.peer == kNoIndex) {
        refuse(in, ErrorCode::kHelloFirst, "this broker does not know you; say HELLO");
        return false;
    }
    if (!fits_role(kind, peers_[in.peer].role())) {
        refuse(in, ErrorCode::kWrongRole,
               kind == wire::Kind::kSend ? "only a sender sends this" : "only a node sends this");
        return false;
    }
    return true;
}

void Router::dispatch(const Incoming& in, wire::Kind kind, const wire::Frame& frame) {
    switch (kind) {
    case wire::Kind::kHello:
        return on_hello(in, std::get<wire::Hello>(frame));
    case wire::Kind::kGoodbye:
        return on_goodbye(in);
    case wire::Kind::kHeartbeat:
        return on_heartbeat(in, std::get<wire::Heartbeat>(frame));
    case wire::Kind::kLogin: {
        const auto& login = std::get<wire::Login>(frame);
        return on_change(in, login.change, login.ids, true);
    }
    case wire::Kind::kLogout: {
        const auto& logout = std::get<wire::Logout>(frame);
        return on_change(in, logout.change, logout.ids, false);
    }
    case wire::Kind::kList:
        return on_list(in, std::get<wire::List>(frame));
    case wire::Kind::kResend:
        return on_resend(in, std::get<wire::Resend>(frame));
    case wire::Kind::kSend:
        return on_send(in, std::get<wire::Send>(frame));
    case wire::Kind::kPing:
        counters_.add(BrokerCounter::kPings);
        return reply(in.connection, wire::encode(wire::Pong{std::get<wire::Ping>(frame).token}));
    case wire::Kind::kQuery:
        return on_query(in, std::get<wire::Query>(frame));
    default:
        ZCOMET_ASSERT(!is_from_peer(kind));
    }
}

void Router::refuse(const Incoming& in, ErrorCode code, std::string_view text) {
    const auto kind = static_cast<std::uint8_t>(in.bytes[wire::kHeaderBytes - 1]);
    tell_error(in, {code, kind, text});
}

void Router::tell_error(const Incoming& in, const wire::ErrorFrame& error) {
    counters_.add(BrokerCounter::kErrors);
    const auto first = static_cast<unsigned>(BrokerCounter::kErrorsMalformed);
    counters_.add(static_cast<BrokerCounter>(first + static_cast<unsigned>(error.code) - 1));
    if (!error_limit_.allow(in.connection, in.now)) {
        counters_.add(BrokerCounter::kErrorsUntold);
        return;
    }
    RouterEvent event{.kind = RouterEvent::Kind::kRefused, .code = error.code, .text = error.text};
    if (in.peer != kNoIndex) {
        const Peer& peer = peers_[in.peer];
        event.name = peer.name;
        event.incarnation = peer.incarnation;
        event.role = peer.role();
    }
    const std::string address = host_.address_of(in.connection);
    event.address = address;
    host_.on_event(event);
    reply(in.connection, wire::encode(error));
}

// ---- Joining and leaving -----------------------------------------------------------------------

void Router::on_hello(const Incoming& in, const wire::Hello& hello) {
    PeerIndex index = peers_.find_incarnation(hello.incarnation);
    if (!may_join(in, hello, index)) {
        return;
    }
    if (in.peer != kNoIndex && in.peer != index) {
        // The connection speaks for another process now, so the one before is gone.
        remove(in.peer, RouterEvent::Kind::kLeft);
    }
    if (index == kNoIndex) {
        index = admit(in, hello);
    } else if (peers_[index].connection != in.connection) {
        peers_.move(index, in.connection);
        peers_[index].heard = in.now;
        peers_[index].address = host_.address_of(in.connection);
        counters_.add(BrokerCounter::kPeersReconnected);
        report(RouterEvent::Kind::kReconnected, peers_[index]);
    }
    if (NodePart* node = peers_[index].node(); node != nullptr && node->list_under_way) {
        // The rest of the list was lost with the connection, which the numbers in the WELCOME may
        // not show; the next HEARTBEAT will ask for it.
        node->list_under_way.reset();
        node->list_needed = true;
    }
    welcome(index);
}

bool Router::may_join(const Incoming& in, const wire::Hello& hello, PeerIndex known) {
    if (known != kNoIndex) {
        const Peer& peer = peers_[known];
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
    const PeerIndex holder =
        hello.role == wire::Role::kNode ? peers_.find_node(hello.name) : kNoIndex;
    if (holder != kNoIndex && replaced_.has_incarnation(hello.incarnation)) {
        refuse(in, ErrorCode::kReplaced, "a newer process has said HELLO with this node's name");
        return false;
    }
    const bool takes_a_place = holder == kNoIndex && in.peer == kNoIndex;
    if (takes_a_place && peers_.size() >= options_.peers_max) {
        refuse(in, ErrorCode::kOverloaded, "this broker has as many peers as it may have");
        return false;
    }
    return true;
}

PeerIndex Router::admit(const Incoming& in, const wire::Hello& hello) {
    const bool is_node = hello.role == wire::Role::kNode;
    if (const PeerIndex holder = is_node ? peers_.find_node(hello.name) : kNoIndex;
        holder != kNoIndex) {
        replaced_.add(peers_[holder].incarnation, peers_[holder].connection);
        remove(holder, RouterEvent::Kind::kReplaced);
    }
    replaced_.forget(hello.incarnation);
    auto peer = std::make_unique<Peer>();
    peer->incarnation = hello.incarnation;
    peer->name = hello.name;
    peer->connection = in.connection;
    peer->address = host_.address_of(in.connection);
    peer->joined = in.now;
    peer->heard = in.now;
    if (is_node) {
        peer->part.emplace<NodePart>(options_.random(), options_.feed,
                                     wire::encode_topic(hello.incarnation));
    }
    const PeerIndex index = peers_.add(std::move(peer));
    counters_.add(is_node ? BrokerCounter::kNodesJoined : BrokerCounter::kSendersJoined);
    report(RouterEvent::Kind::kJoined, peers_[index]);
    if (NodePart* node = peers_[index].node()) {
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

void Router::welcome(PeerIndex index) {
    Peer& peer = peers_[index];
    wire::Welcome welcome;
    welcome.incarnation = options_.incarnation;
    welcome.name = options_.name;
    welcome.heartbeat_ms = to_ms(options_.heartbeat_interval);
    welcome.liveness_ms = to_ms(options_.liveness);
    welcome.table_version = options_.table_version;
    if (const NodePart* node = peer.node()) {
        welcome.part = wire::NodeWelcome{options_.feed_endpoint, node->feed.incarnation(),
                                         node->changes_applied, node->feed.published()};
    } else {
        SenderPart& sender = *peer.sender();
        take_as_credited(sender);
        welcome.part = wire::SenderWelcome{options_.sender_window_bytes, sender.credited};
    }
    reply(peer.connection, wire::encode(welcome));
}

void Router::on_goodbye(const Incoming& in) {
    remove(in.peer, RouterEvent::Kind::kLeft);
}

void Router::remove(PeerIndex index, RouterEvent::Kind why) {
    Peer& peer = peers_[index];
    report(why, peer, table_.id_count(index));
    count_removal(peer, why);
    if (NodePart* node = peer.node()) {
        count_feed(peer, *node);
        counters_.add(BrokerCounter::kUnacknowledgedBytesDropped, node->feed.kept_bytes());
        table_.remove_node(index);
        std::erase(active_feeds_, index);
    } else {
        std::erase(owed_credit_, index);
    }
    peers_.remove(index);
}

void Router::count_removal(const Peer& peer, RouterEvent::Kind why) {
    const bool is_node = peer.node() != nullptr;
    if (why == RouterEvent::Kind::kReplaced) {
        counters_.add(BrokerCounter::kNodesReplaced);
    } else if (why == RouterEvent::Kind::kDied) {
        counters_.add(is_node ? BrokerCounter::kNodesDied : BrokerCounter::kSendersDied);
    } else {
        counters_.add(is_node ? BrokerCounter::kNodesLeft : BrokerCounter::kSendersLeft);
    }
}

// ---- What nodes say ----------------------------------------------------------------------------

void Router::on_change(const Incoming& in, std::uint64_t change, const wire::IdList& ids,
                       bool login) {
    NodePart& node = *peers_[in.peer].node();
    if (change <= node.changes_applied) {
        return;
    }
    const bool breaks_list = node.list_under_way.has_value();
    if (node.list_needed && !breaks_list) {
        return;
    }
    if (breaks_list || change != node.changes_applied + 1) {
        need_list(in);
        return;
    }
    std::uint64_t changed = 0;
    ids.for_each([&](std::string_view id) {
        changed += login ? table_.login(in.peer, id) : table_.logout(in.peer, id);
    });
    counters_.add(login ? BrokerCounter::kLogins : BrokerCounter::kLogouts, changed);
    node.changes_applied = change;
}

void Router::on_list(const Incoming& in, const wire::List& list) {
    NodePart& node = *peers_[in.peer].node();
    if (list.first) {
        table_.begin_list(in.peer);
        node.list_under_way = list.change;
    } else if (node.list_under_way != list.change) {
        need_list(in);
        return;
    }
    std::uint64_t logged_in = 0;
    list.ids.for_each([&](std::string_view id) { logged_in += table_.login(in.peer, id); });
    counters_.add(BrokerCounter::kLogins, logged_in);
    if (!list.last) {
        return;
    }
    const std::uint32_t before = table_.id_count(in.peer);
    table_.end_list(in.peer);
    counters_.add(BrokerCounter::kLogouts, before - table_.id_count(in.peer));
    counters_.add(BrokerCounter::kLists);
    node.changes_applied = list.change;
    node.list_under_way.reset();
    node.list_needed = false;
}

void Router::need_list(const Incoming& in) {
    NodePart& node = *peers_[in.peer].node();
    node.list_needed = true;
    node.list_under_way.reset();
    refuse(in, ErrorCode::kListNeeded,
           "login changes are missing after " + std::to_string(node.changes_applied));
}

void Router::on_resend(const Incoming& in, const wire::Resend& resend) {
    NodePart& node = *peers_[in.peer].node();
    counters_.add(BrokerCounter::kResendRequests);
    node.feed.resend(resend.from, in.now);
    activate(in.peer, node);
}

// ---- What senders say --------------------------------------------------------------------------

void Router::on_send(const Incoming& in, const wire::Send& send) {
    SenderPart& sender = *peers_[in.peer].sender();
    const std::uint64_t last = send.first + (send.messages.count() - 1);
    if (last < send.first) {
        refuse(in, ErrorCode::kMalformed, "the messages' numbers do not fit into 64 bits");
        return;
    }
    if (send.first > sender.taken_in + 1) {
        counters_.add(BrokerCounter::kMessagesMissing, send.first - sender.taken_in - 1);
    }
    std::uint64_t number = send.first;
    send.messages.for_each([&](const wire::Message& message) {
        // What a sender sends again, because it does not know that it arrived, goes out once.
        const bool repeated = number++ <= sender.taken_in;
        const std::uint32_t nodes = repeated ? table_.for_each_node(message.id, [](NodeIndex) {})
                                             : route(sender, message, in.now);
        counters_.add(repeated ? BrokerCounter::kMessagesRepeated : BrokerCounter::kMessagesIn);
        if (send.receipt) {
            receipt_.add(nodes);
        }
    });
    sender.taken_in = std::max(sender.taken_in, last);
    if (send.receipt) {
        counters_.add(BrokerCounter::kReceipts);
        reply(in.connection, receipt_.finish(send.first));
    }
    sender.uncredited_bytes += in.bytes.size();
    if (!sender.credit_owed &&
        sender.uncredited_bytes >= options_.sender_window_bytes / kCreditPart) {
        sender.credit_owed = true;
        owed_credit_.push_back(in.peer);
        next_credit_ = Time::min();
    }
}

std::uint32_t Router::route(SenderPart& sender, const wire::Message& message, Time now) {
    const std::uint32_t nodes = table_.for_each_node(message.id, [&](NodeIndex index) {
        NodePart& node = *peers_[index].node();
        node.feed.append(message.id, message.payload);
        activate(index, node);
        if (keeps_credit_back(index, now)) {
            note_slow_node(sender, index);
        }
    });
    if (nodes == 0) {
        counters_.add(BrokerCounter::kMessagesVoid);
    } else {
        counters_.add(BrokerCounter::kMessagesRouted, nodes);
    }
    return nodes;
}

void Router::note_slow_node(SenderPart& sender, PeerIndex node) const {
    const bool known = std::find(sender.slow_nodes.begin(), sender.slow_nodes.end(), node) !=
                       sender.slow_nodes.end();
    if (!known && sender.slow_nodes.size() < kSlowNodesMax) {
        sender.slow_nodes.push_back(node);
    }
}

bool Router::keeps_credit_back(PeerIndex index, Time now) const {
    if (!peers_.contains(index)) {
        return false;
    }
    const NodePart* node = peers_[index].node();
    return node != nullptr && node->feed.behind() &&
           now < node->feed.last_progress() + kProgressExpected;
}

/// When `sender` may have credit: `now` if nothing speaks against it. Until then it is worth
/// looking again whenever a node has acknowledged something.
Time Router::credit_due(SenderPart& sender, Time now) {
    std::erase_if(sender.slow_nodes, [&](PeerIndex node) { return !keeps_credit_back(node, now); });
    if (sender.slow_nodes.empty()) {
        return now;
    }
    if (!sender.withheld_since) {
        sender.withheld_since = now;
        counters_.add(BrokerCounter::kCreditsWithheld);
    }
    Time due = *sender.withheld_since + kWithholdMax;
    for (const PeerIndex node : sender.slow_nodes) {
        due = std::min(due, peers_[node].node()->feed.last_progress() + kProgressExpected);
    }
    return std::max(due, now);
}

void Router::take_as_credited(SenderPart& sender) {
    sender.credited = sender.taken_in;
    sender.uncredited_bytes = 0;
    sender.withheld_since.reset();
    sender.slow_nodes.clear();
}

void Router::give_credits(Time now) {
    next_credit_ = kNever;
    std::erase_if(owed_credit_, [&](PeerIndex index) {
        Peer& peer = peers_[index];
        SenderPart& sender = *peer.sender();
        const bool was_credited_since = sender.uncredited_bytes == 0;
        if (!was_credited_since) {
            if (const Time due = credit_due(sender, now); due > now) {
                next_credit_ = std::min(next_credit_, due);
                return false;
            }
            take_as_credited(sender);
            counters_.add(BrokerCounter::kCreditsGiven);
            reply(peer.connection, wire::encode(wire::Credit{sender.credited}));
        }
        sender.credit_owed = false;
        return true;
    });
}

// ---- What anyone says --------------------------------------------------------------------------

void Router::on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat) {
    Peer& peer = peers_[in.peer];
    if (NodePart* node = peer.node()) {
        node->streams = heartbeat.streams;
        node->feed.acknowledge(heartbeat.feed, in.now);
        activate(in.peer, *node);
        // Frames of one connection keep their order, so a change that the node has made and that
        // is not here was lost. Once more at each heartbeat, until the list comes.
        const bool is_missing = heartbeat.change > node->changes_applied || node->list_needed;
        if (is_missing && !node->list_under_way) {
            need_list(in);
        }
    }
    if (in.now >= peer.heartbeat_answered + options_.heartbeat_interval / 2) {
        peer.heartbeat_answered = in.now;
        reply(in.connection, wire::encode(heartbeat_for(peer, in.now)));
    }
}

wire::Heartbeat Router::heartbeat_for(Peer& peer, Time now) {
    if (const NodePart* node = peer.node()) {
        return {node->feed.published(), node->changes_applied, 0};
    }
    // A sender takes it for CREDIT, so it must not undo the holding back.
    SenderPart& sender = *peer.sender();
    if (credit_due(sender, now) <= now) {
        take_as_credited(sender);
    }
    return {0, sender.credited, 0};
}

void Router::on_query(const Incoming& in, const wire::Query& query) {
    counters_.add(BrokerCounter::kQueries);
    const bool is_who = query.what == "who";
    if (!is_who && query.what != "nodes" && query.what != "stats") {
        refuse(in, ErrorCode::kUnknownQuery, "there are the queries nodes, who and stats");
        return;
    }
    if (is_who && !valid_id(query.argument)) {
        refuse(in, ErrorCode::kBadId, why_invalid_id(query.argument));
        return;
    }
    if (!is_who && !query.argument.empty()) {
        refuse(in, ErrorCode::kMalformed, "this query takes no argument");
        return;
    }
    const std::string json = is_who                  ? who_json(peers_, table_, query.argument)
                             : query.what == "nodes" ? nodes_json(peers_, table_, in.now)
                                                     : stats_json(identity_, counters_, in.now);
    if (json.size() + kAnswerBytes > wire::kFrameBytesMax) {
        refuse(in, ErrorCode::kOverloaded, "the answer is longer than a frame may be");
        return;
    }
    reply(in.connection, wire::encode(wire::Answer{query.token, json}));
}

// ---- Subscriptions and time --------------------------------------------------------------------

void Router::on_subscription(std::string_view topic, bool subscribed) {
    const auto incarnation = subscriptions_.change(topic, subscribed);
    if (!incarnation) {
        counters_.add(BrokerCounter::kSubscriptionsIgnored);
        return;
    }
    const PeerIndex index = peers_.find_incarnation(*incarnation);
    NodePart* node = index == kNoIndex ? nullptr : peers_[index].node();
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
    counters_.set(BrokerCounter::kIds, table_.id_count());
    counters_.set(BrokerCounter::kNodes, peers_.node_count());
    counters_.set(BrokerCounter::kSenders, peers_.sender_count());
}

Time Router::due() const {
    Time due = std::min(next_sweep_, next_credit_);
    for (const PeerIndex index : active_feeds_) {
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
    peers_.for_each(
        [&](PeerIndex /*index*/, Peer& peer) { peer.heard = std::min(peer.heard + pause, now); });
    host_.on_event({.kind = RouterEvent::Kind::kPaused, .count = to_ms(pause)});
}

void Router::sweep(Time now) {
    dead_.clear();
    peers_.for_each([&](PeerIndex index, Peer& peer) {
        if (peer.heard + options_.liveness <= now) {
            dead_.push_back(index);
            return;
        }
        NodePart* node = peer.node();
        if (node != nullptr && node->next_feed_heartbeat <= now) {
            node->next_feed_heartbeat = now + options_.heartbeat_interval;
            node->feed.heartbeat();
            activate(index, *node);
        }
    });
    for (const PeerIndex index : dead_) {
        remove(index, RouterEvent::Kind::kDied);
    }
    next_sweep_ =
        peers_.size() == 0 ? kNever : now + options_.heartbeat_interval / kSweepsPerHeartbeat;
}

void Router::activate(PeerIndex index, NodePart& node) {
    if (!node.feed_active) {
        node.feed_active = true;
        active_feeds_.push_back(index);
    }
}

void Router::publish_due(Time now) {
    std::erase_if(active_feeds_, [&](PeerIndex index) {
        Peer& peer = peers_[index];
        NodePart& node = *peer.node();
        node.feed.flush(now, [&](const SharedFrame& frame) {
            counters_.add(BrokerCounter::kBatchesPublished);
            counters_.add(BrokerCounter::kBytesPublished, frame->size());
            host_.publish(node.topic, frame);
        });
        count_feed(peer, node);
        node.feed_active = node.feed.due() != kNever;
        return !node.feed_active;
    });
}

void Router::count_feed(const Peer& peer, NodePart& node) {
    const std::uint64_t resent = node.feed.resent_batches() - node.resent_counted;
    node.resent_counted += resent;
    counters_.add(BrokerCounter::kBatchesResent, resent);
    const std::uint64_t shed = node.feed.shed_messages() - node.shed_counted;
    if (shed > 0) {
        node.shed_counted += shed;
        counters_.add(BrokerCounter::kMessagesShed, shed);
        report(RouterEvent::Kind::kShed, peer, shed);
    }
}

void Router::reply(std::string_view connection, std::string frame) {
    if (!host_.send_to_peer(connection, std::move(frame))) {
        counters_.add(BrokerCounter::kRepliesUnroutable);
    }
}

void Router::report(RouterEvent::Kind kind, const Peer& peer, std::uint64_t count) {
    host_.on_event({.kind = kind,
                    .name = peer.name,
                    .incarnation = peer.incarnation,
                    .role = peer.role(),
                    .address = peer.address,
                    .count = count});
}

} // namespace zcomet
