#include "broker/router.hpp"
#include "topology/mutants.hpp"

#include <algorithm>
#include <optional>

namespace zcomet {

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
    SenderPart& sender = *peers_[in.peer].sender();
    const std::uint64_t last = send.first + (send.messages.count() - 1);
    if (last < send.first) {
        refuse(in, wire::ErrorCode::kMalformed, "the messages' numbers do not fit into 64 bits");
        return;
    }
    if (send.first > sender.taken_in + 1) {
        counters_.add(BrokerCounter::kMessagesMissing, send.first - sender.taken_in - 1);
    }
    std::uint64_t number = send.first;
    send.messages.for_each([&](const wire::Message& message) {
        // What a sender sends again, because it does not know that it arrived, goes out once.
        const bool repeated = number++ <= sender.taken_in && !ZCOMET_MUTANT(kRouteRepeats);
        const std::uint32_t nodes = repeated ? table_.for_each_node(message.id, [](NodeIndex) {})
                                             : route(sender, message, in.now);
        counters_.add(repeated ? BrokerCounter::kMessagesRepeated : BrokerCounter::kMessagesIn);
        if (send.receipt) {
            receipt_.add(ZCOMET_MUTANT(kReceiptsOfOne) ? 1 : nodes);
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

} // namespace zcomet
