#include "broker/router/router.hpp"

#include <algorithm>
#include <optional>

namespace zcomet::broker::router {

namespace {

/// Credit is held back for at most this long, however slow the nodes are.
constexpr Duration kWithholdMax = 1s;
/// A node that has acknowledged nothing for this long is stalled, and holds no sender back.
constexpr Duration kProgressExpected = 500ms;
/// Slow nodes remembered for a sender. Any one of them holds it back, so a few will do.
constexpr std::size_t kSlowNodesMax = 16;
/// CREDIT is given when this part of the window was taken in.
constexpr std::size_t kCreditPart = 4;

} // namespace

void Router::on_send(const Incoming& in, const wire::Send& send) {
    if (!may_send(in, send)) {
        return;
    }
    if (send.confirm == wire::Confirm::kAcknowledgement) {
        route_awaited(in, send);
    } else {
        route_all(in, send);
    }
    count_taken_in(*peers_[in.peer].sender(), send);
    owe_credit(in);
}

bool Router::may_send(const Incoming& in, const wire::Send& send) {
    const table::SenderPart& sender = *peers_[in.peer].sender();
    const std::uint32_t count = send.messages.count();
    if (send.first > wire::kSendNumberMax || count - 1 > wire::kSendNumberMax - send.first) {
        refuse(in, wire::ErrorCode::kMalformed, "a message's number is at most 2^64 - 2");
        return false;
    }
    if (send.confirm == wire::Confirm::kAcknowledgement &&
        sender.awaited_messages + count > wire::kUnacknowledgedMax) {
        refuse(in, wire::ErrorCode::kOverloaded,
               "a sender may await the acknowledgement of 32768 messages");
        return false;
    }
    return true;
}

void Router::route_all(const Incoming& in, const wire::Send& send) {
    table::SenderPart& sender = *peers_[in.peer].sender();
    std::uint64_t number = send.first;
    send.messages.for_each([&](const wire::Message& message) {
        // What a sender sends again, because it does not know that it arrived, goes out once.
        const bool repeated = number <= sender.taken_in;
        const std::uint32_t nodes =
            repeated ? table_.for_each_node(message.id, [](table::NodeIndex) {})
                     : route(sender, message, in.now, [](table::NodePart&, std::uint64_t) {});
        count_in(sender, number++, repeated);
        if (send.confirm == wire::Confirm::kReceipt) {
            node_counts_.add(nodes);
        }
    });
    if (send.confirm == wire::Confirm::kReceipt) {
        counters_.add(table::BrokerCounter::kReceipts);
        reply(in.connection, node_counts_.finish_receipt(send.first));
    }
}

/// Each message goes out with its origin. What comes again while it is awaited has its answer to
/// come; later it is passed on again, and nodes that have shown it acknowledge it all the same.
void Router::route_awaited(const Incoming& in, const wire::Send& send) {
    table::Peer& peer = peers_[in.peer];
    table::SenderPart& sender = *peer.sender();
    const std::uint32_t count = send.messages.count();
    const auto [place, is_new] = sender.awaited.try_emplace(send.first);
    if (!is_new) {
        counters_.add(table::BrokerCounter::kMessagesRepeated, count);
        return;
    }
    const table::AwaitedSendIndex awaited =
        acknowledgements_.begin(peer.incarnation, send.first, count);
    place->second = {awaited, count};
    sender.awaited_messages += count;
    std::uint32_t index = 0;
    send.messages.for_each([&](wire::Message message) {
        message.origin = {peer.incarnation, send.first + index};
        const bool repeated = message.origin.number <= sender.taken_in;
        count_in(sender, message.origin.number, repeated);
        counters_.add(table::BrokerCounter::kMessagesRerouted, repeated ? 1 : 0);
        route(sender, message, in.now, [&](table::NodePart& node, std::uint64_t batch) {
            acknowledgements_.expect(node.awaited, batch, awaited, index);
        });
        ++index;
    });
    acknowledgements_.routed(awaited,
                             [this](const table::AwaitedSend& done) { acknowledge(done); });
}

void Router::acknowledge(const table::AwaitedSend& send) {
    // It is there: what a sender awaits is forgotten when it goes.
    table::Peer& peer = peers_[peers_.find_incarnation(send.sender)];
    table::SenderPart& sender = *peer.sender();
    const auto awaited = sender.awaited.find(send.first);
    sender.awaited_messages -= awaited->second.messages;
    sender.awaited.erase(awaited);
    for (const std::uint32_t nodes : send.nodes) {
        node_counts_.add(nodes);
    }
    counters_.add(table::BrokerCounter::kAcknowledgedSends);
    reply(peer.connection, node_counts_.finish_acknowledged(send.first));
}

template <typename OnCopy>
std::uint32_t Router::route(table::SenderPart& sender, const wire::Message& message, Time now,
                            OnCopy&& on_copy) {
    const std::uint32_t nodes = table_.for_each_node(message.id, [&](table::NodeIndex index) {
        table::NodePart& node = *peers_[index].node();
        on_copy(node, node.feed.append(message));
        activate(index, node);
        if (keeps_credit_back(index, now)) {
            note_slow_node(sender, index);
        }
    });
    counters_.add(nodes == 0 ? table::BrokerCounter::kMessagesVoid
                             : table::BrokerCounter::kMessagesHeld);
    counters_.add(table::BrokerCounter::kMessagesRouted, nodes);
    return nodes;
}

void Router::count_in(table::SenderPart& sender, std::uint64_t number, bool repeated) {
    counters_.add(repeated ? table::BrokerCounter::kMessagesRepeated
                           : table::BrokerCounter::kMessagesIn);
    sender.sent_again += !repeated && number <= sender.sent_before ? 1 : 0;
}

void Router::count_taken_in(table::SenderPart& sender, const wire::Send& send) {
    const std::uint64_t last = send.first + (send.messages.count() - 1);
    if (send.first > sender.accounted()) {
        counters_.add(table::BrokerCounter::kMessagesMissing, send.first - sender.accounted() - 1);
    }
    sender.taken_in = std::max(sender.taken_in, last);
}

void Router::owe_credit(const Incoming& in) {
    table::SenderPart& sender = *peers_[in.peer].sender();
    sender.uncredited_bytes += in.bytes.size();
    if (!sender.credit_owed &&
        sender.uncredited_bytes >= options_.sender_window_bytes / kCreditPart) {
        sender.credit_owed = true;
        owed_credit_.push_back(in.peer);
        next_credit_ = Time::min();
    }
}

void Router::note_slow_node(table::SenderPart& sender, table::PeerIndex node) const {
    const bool known = std::find(sender.slow_nodes.begin(), sender.slow_nodes.end(), node) !=
                       sender.slow_nodes.end();
    if (!known && sender.slow_nodes.size() < kSlowNodesMax) {
        sender.slow_nodes.push_back(node);
    }
}

bool Router::keeps_credit_back(table::PeerIndex index, Time now) const {
    if (!peers_.contains(index)) {
        return false;
    }
    const table::NodePart* node = peers_[index].node();
    return node != nullptr && node->feed.behind() &&
           now < node->feed.last_progress() + kProgressExpected;
}

/// When `sender` may have credit: `now` if nothing speaks against it. Until then it is worth
/// looking again whenever a node has acknowledged something.
Time Router::credit_due(table::SenderPart& sender, Time now) {
    std::erase_if(sender.slow_nodes,
                  [&](table::PeerIndex node) { return !keeps_credit_back(node, now); });
    if (sender.slow_nodes.empty()) {
        return now;
    }
    if (!sender.withheld_since) {
        sender.withheld_since = now;
        counters_.add(table::BrokerCounter::kCreditsWithheld);
    }
    Time due = *sender.withheld_since + kWithholdMax;
    for (const table::PeerIndex node : sender.slow_nodes) {
        due = std::min(due, peers_[node].node()->feed.last_progress() + kProgressExpected);
    }
    return std::max(due, now);
}

void Router::take_as_credited(table::SenderPart& sender) {
    sender.credited = sender.taken_in;
    sender.uncredited_bytes = 0;
    sender.withheld_since.reset();
    sender.slow_nodes.clear();
}

void Router::give_credits(Time now) {
    next_credit_ = kNever;
    std::erase_if(owed_credit_, [&](table::PeerIndex index) {
        table::Peer& peer = peers_[index];
        table::SenderPart& sender = *peer.sender();
        const bool was_credited_since = sender.uncredited_bytes == 0;
        if (!was_credited_since) {
            if (const Time due = credit_due(sender, now); due > now) {
                next_credit_ = std::min(next_credit_, due);
                return false;
            }
            take_as_credited(sender);
            counters_.add(table::BrokerCounter::kCreditsGiven);
            reply(peer.connection, wire::encode(wire::Credit{sender.credited}));
        }
        sender.credit_owed = false;
        return true;
    });
}

} // namespace zcomet::broker::router
