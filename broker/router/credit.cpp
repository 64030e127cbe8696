#include "broker/router/credit.hpp"

#include <algorithm>
#include <cstddef>

namespace zcomet::broker::router {

namespace {

/// Credit is held back for at most this long, however slow the nodes are.
/// @limit time for which a sender's credit is held back
constexpr Duration kWithholdMax = 1s;
/// Slow nodes remembered for a sender. Any one of them holds it back, so a few are enough.
constexpr std::size_t kSlowNodesMax = 16;
/// CREDIT is given when this part of the window was taken in.
/// @limit part of the sender window after which credit is given, one in
constexpr std::size_t kCreditPart = 4;

} // namespace

void Credit::on_taken_in(const Incoming& in) {
    table::SenderPart& sender = state_.sender_of(in);
    sender.uncredited_bytes += in.bytes.size();
    if (!sender.credit_owed &&
        sender.uncredited_bytes >= state_.options.sender_window_bytes / kCreditPart) {
        sender.credit_owed = true;
        owed_.push_back(in.peer);
        next_ = Time::min();
    }
}

void Credit::take_as_credited(table::SenderPart& sender) {
    sender.credited = sender.taken_in;
    sender.uncredited_bytes = 0;
    sender.withheld_since.reset();
    sender.slow_nodes.clear();
    sender.quick_node = store::kNoIndex;
}

std::uint64_t Credit::credited(table::SenderPart& sender, Time now) {
    // A sender takes a HEARTBEAT for CREDIT, so it must not give what is held back.
    if (due_for(sender, now) <= now) {
        take_as_credited(sender);
    }
    return sender.credited;
}

void Credit::give_due(Time now) {
    next_ = kNever;
    std::erase_if(owed_, [&](table::PeerIndex index) {
        table::Peer& peer = state_.peers[index];
        table::SenderPart& sender = *peer.sender();
        const bool was_credited_since = sender.uncredited_bytes == 0;
        if (!was_credited_since) {
            if (const Time due = due_for(sender, now); due > now) {
                next_ = std::min(next_, due);
                return false;
            }
            take_as_credited(sender);
            state_.count(table::BrokerCounter::kCreditsGiven);
            state_.reply(peer.connection, wire::encode(wire::Credit{sender.credited}));
        }
        sender.credit_owed = false;
        return true;
    });
}

void Credit::drop_removed() {
    std::erase_if(owed_, [this](table::PeerIndex index) { return !state_.peers.contains(index); });
}

void Credit::note_slow_node(table::SenderPart& sender, table::PeerIndex node) {
    const bool known = std::find(sender.slow_nodes.begin(), sender.slow_nodes.end(), node) !=
                       sender.slow_nodes.end();
    if (sender.quick_node == node) {
        sender.quick_node = store::kNoIndex;
    }
    if (!known && sender.slow_nodes.size() < kSlowNodesMax) {
        sender.slow_nodes.push_back(node);
    }
}

bool Credit::is_slow(table::PeerIndex index, Time now) const {
    if (!state_.peers.contains(index)) {
        return false;
    }
    const table::NodePart* node = state_.peers[index].node(); // none: a sender has the index now
    return node != nullptr && holds_senders_back(*node, now);
}

/// When `sender` may have credit: `now` if no node holds it back. Until then it is worth looking
/// again whenever a node has acknowledged something.
Time Credit::due_for(table::SenderPart& sender, Time now) {
    std::erase_if(sender.slow_nodes, [&](table::PeerIndex node) { return !is_slow(node, now); });
    if (sender.slow_nodes.empty()) {
        return now;
    }
    if (!sender.withheld_since) {
        sender.withheld_since = now;
        state_.count(table::BrokerCounter::kCreditsWithheld);
    }
    note_waiting(sender);
    Time due = *sender.withheld_since + kWithholdMax;
    for (const table::PeerIndex node : sender.slow_nodes) {
        due = std::min(due, state_.peers[node].node()->feed.last_progress() + kProgressExpected);
    }
    return std::max(due, now);
}

/// The sender waits for its slow nodes, although another one may keep up.
void Credit::note_waiting(const table::SenderPart& sender) {
    for (const table::PeerIndex index : sender.slow_nodes) {
        table::NodePart& node = *state_.peers[index].node();
        node.is_waited_for = true;
        if (sender.quick_node != store::kNoIndex) {
            node.other = sender.quick_node;
        }
    }
}

} // namespace zcomet::broker::router
