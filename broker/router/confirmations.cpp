#include "broker/router/confirmations.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace zcomet::broker::router {

void Confirmations::send_receipt(std::string_view connection, std::uint64_t first) {
    state_.count(table::BrokerCounter::kReceipts);
    state_.reply(connection, receipt_.finish_receipt(first));
}

std::optional<table::AwaitedSendIndex>
Confirmations::begin_send(table::Peer& sender, std::uint64_t first, std::uint32_t count) {
    table::SenderPart& part = *sender.sender();
    const auto [place, is_new] = part.awaited.try_emplace(first);
    if (!is_new) {
        return std::nullopt;
    }
    // What this broker took in before, or another one may have, is a repeat.
    const table::AwaitedSendIndex send =
        acknowledgements_.begin(sender.incarnation, first, count, part.accounted());
    place->second = {send, count};
    part.awaited_messages += count;
    return send;
}

void Confirmations::end_send(table::AwaitedSendIndex send) {
    acknowledgements_.routed(send, acknowledger());
}

void Confirmations::on_applied(table::NodePart& node, std::uint64_t through) {
    acknowledgements_.acknowledge(node.awaited, through, acknowledger());
}

void Confirmations::on_shed(table::NodePart& node) {
    const std::uint64_t through = node.feed.shed_through();
    acknowledgements_.shed(
        node.awaited, node.shed_settled, through,
        [&node](std::uint64_t batch) { return node.feed.was_shed(batch); }, acknowledger());
    node.shed_settled = through;
}

void Confirmations::on_node_gone(table::NodePart& node) {
    acknowledgements_.give_up(node.awaited, acknowledger());
}

void Confirmations::on_sender_gone(const table::SenderPart& sender) {
    for (const auto& [first, awaited] : sender.awaited) {
        acknowledgements_.forget(awaited.send);
    }
}

void Confirmations::acknowledge(const table::AwaitedSend& send) {
    tell_keys(send);
    if (send.sender == 0) {
        return;
    }
    // The sender is there: on_sender_gone() makes the table forget the frames of others.
    table::Peer& peer = state_.peers[state_.peers.find_incarnation(send.sender)];
    table::SenderPart& sender = *peer.sender();
    const auto awaited = sender.awaited.find(send.first);
    sender.awaited_messages -= awaited->second.messages;
    sender.awaited.erase(awaited);
    using Known = table::AwaitedDetails::Known;
    const std::span<const Known> all_known =
        send.details == nullptr ? std::span<const Known>() : std::span(send.details->known);
    auto known = all_known.begin();
    for (std::size_t i = 0; i < send.nodes.size(); ++i) {
        const bool is_known = known != all_known.end() && known->message == i;
        outcomes_.add(is_known ? (known++)->outcome : outcome_of(send, i));
    }
    state_.count(table::BrokerCounter::kAcknowledgedSends);
    state_.reply(peer.connection, outcomes_.finish_acknowledged(send.first));
}

wire::Outcome Confirmations::outcome_of(const table::AwaitedSend& send, std::size_t message) const {
    // An earlier copy may have arrived at nodes that no longer hold the id, or are gone.
    const bool is_moved =
        send.details != nullptr &&
        std::binary_search(send.details->moved.begin(), send.details->moved.end(), message);
    const bool is_repeat = is_moved || send.first + message <= send.repeats_through;
    const std::uint32_t nodes = send.nodes[message];
    wire::Outcome outcome;
    outcome.nodes = nodes == 0 && is_repeat ? std::nullopt : std::optional(nodes);
    if (send.details != nullptr && !send.details->positions.empty()) {
        outcome.position = send.details->positions[message];
        outcome.epoch = outcome.position != 0 ? histories_.epoch() : 0;
    }
    return outcome;
}

void Confirmations::tell_keys(const table::AwaitedSend& send) {
    if (send.details != nullptr) {
        for (const table::AwaitedDetails::Keyed& keyed : send.details->keyed) {
            idempotency_.on_arrived(keyed.key, outcome_of(send, keyed.message).nodes);
        }
    }
}

} // namespace zcomet::broker::router
