#include "broker/router/confirmations.hpp"

namespace zcomet::broker::router {

void Confirmations::send_receipt(std::string_view connection, std::uint64_t first) {
    state_.count(table::BrokerCounter::kReceipts);
    state_.reply(connection, outcomes_.finish_receipt(first));
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
    // The sender is there: on_sender_gone() makes the table forget the frames of others.
    table::Peer& peer = state_.peers[state_.peers.find_incarnation(send.sender)];
    table::SenderPart& sender = *peer.sender();
    const auto awaited = sender.awaited.find(send.first);
    sender.awaited_messages -= awaited->second.messages;
    sender.awaited.erase(awaited);
    for (std::size_t i = 0; i < send.nodes.size(); ++i) {
        // An earlier copy may have arrived at nodes that no longer hold the id, or are gone.
        const bool is_repeat = send.first + i <= send.repeats_through;
        wire::Outcome outcome;
        outcome.nodes =
            send.nodes[i] == 0 && is_repeat ? std::nullopt : std::optional(send.nodes[i]);
        if (send.positions != nullptr && send.positions[i] != 0) {
            outcome.epoch = histories_.epoch();
            outcome.position = send.positions[i];
        }
        outcomes_.add(outcome);
    }
    state_.count(table::BrokerCounter::kAcknowledgedSends);
    state_.reply(peer.connection, outcomes_.finish_acknowledged(send.first));
}

} // namespace zcomet::broker::router
