#include "broker/router/sends.hpp"

#include "topology/wire/attributes.hpp"

#include <algorithm>
#include <optional>

namespace zcomet::broker::router {

namespace {

constexpr wire::Outcome kNotAllowed{.refusal = wire::Outcome::Refusal::kNotAllowed};

} // namespace

void Sends::on_send(const Incoming& in, const wire::Send& send) {
    if (!may_send(in, send)) {
        return;
    }
    if (send.confirm == wire::Confirm::kAcknowledgement) {
        route_awaited(in, send);
    } else {
        route_all(in, send);
    }
    count_taken_in(state_.sender_of(in), send);
    state_.intake.add_messages(send.messages.count());
    credit_.on_taken_in(in);
}

bool Sends::on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat) {
    table::SenderPart& sender = state_.sender_of(in);
    if (!sender.may_have_sent(heartbeat.change, state_.under_way_max())) {
        refusals_.refuse(in, wire::ErrorCode::kMalformed,
                         "a sender cannot have sent so many messages without credit");
        return false;
    }
    sender.say_sent(heartbeat.change);
    state_.ledger.on_sender(sender);
    return true;
}

bool Sends::may_send(const Incoming& in, const wire::Send& send) {
    const table::SenderPart& sender = state_.sender_of(in);
    const std::uint32_t count = send.messages.count();
    if (send.first > wire::kSendNumberMax || count - 1 > wire::kSendNumberMax - send.first) {
        refusals_.refuse(in, wire::ErrorCode::kMalformed, "a message's number is at most 2^64 - 2");
        return false;
    }
    // A number that jumped would make all that follow look like repeats.
    if (send.first > 0 && send.first - 1 > std::max(sender.accounted(), sender.said)) {
        refusals_.refuse(in, wire::ErrorCode::kMalformed,
                         "numbers are missing that neither HELLO nor HEARTBEAT told of");
        return false;
    }
    if (send.confirm == wire::Confirm::kAcknowledgement &&
        sender.awaited_messages + count > wire::kUnacknowledgedMax) {
        refusals_.refuse(in, wire::ErrorCode::kOverloaded,
                         "a sender may await the acknowledgement of 32768 messages");
        return false;
    }
    return true;
}

void Sends::route_all(const Incoming& in, const wire::Send& send) {
    table::SenderPart& sender = state_.sender_of(in);
    const bool wants_receipt = send.confirm == wire::Confirm::kReceipt;
    std::uint64_t number = send.first;
    std::uint32_t not_allowed = 0;
    send.messages.for_each([&](wire::Message message) {
        if (!may_send_to(in, message.id)) {
            count_not_allowed(sender, number++, not_allowed);
            if (wants_receipt) {
                confirmations_.add_to_receipt(kNotAllowed);
            }
            return;
        }
        // A sender repeats a message when it does not know that it arrived. The repeat is counted,
        // and not passed on. A client knows its own repeats by a key.
        const bool repeated = number <= sender.taken_in;
        const auto known = idempotency_.known(message, send.confirm);
        wire::Outcome outcome = known.value_or(wire::Outcome());
        if (!repeated && !known) {
            const Histories::Numbered kept = histories_.keep(message, in.now);
            outcome.nodes =
                route(sender, kept.message, in.now, [](table::NodePart&, std::uint64_t) {});
            outcome.position = kept.position;
            outcome.epoch = kept.position != 0 ? histories_.epoch() : 0;
            idempotency_.on_held(outcome, in.now);
        }
        count_in(sender, number++, repeated, known.has_value());
        if (wants_receipt) {
            confirmations_.add_to_receipt(outcome);
        }
    });
    if (wants_receipt) {
        confirmations_.send_receipt(in.connection, send.first);
    }
    tell_not_allowed(in, not_allowed, send.confirm);
}

/// A sender that asks for nothing has no other way to learn it.
void Sends::tell_not_allowed(const Incoming& in, std::uint32_t count, wire::Confirm confirm) {
    if (count == 0) {
        return;
    }
    state_.count(table::BrokerCounter::kMessagesNotAllowed, count);
    constexpr std::string_view kText = "this key may not send to that id";
    if (confirm == wire::Confirm::kNothing) {
        refusals_.refuse(in, wire::ErrorCode::kNotAllowed, kText);
        return;
    }
    const table::Peer& peer = state_.peers[in.peer];
    state_.host.on_event({.kind = RouterEvent::Kind::kRefused,
                          .name = peer.name,
                          .incarnation = peer.incarnation,
                          .role = peer.role(),
                          .address = peer.address,
                          .code = wire::ErrorCode::kNotAllowed,
                          .text = kText});
}

/// Each message goes out with its origin. A frame that comes again while its answer is awaited
/// gets that one answer. One that comes again later is passed on again, and nodes that have shown
/// its messages acknowledge it all the same.
void Sends::route_awaited(const Incoming& in, const wire::Send& send) {
    table::Peer& peer = state_.peers[in.peer];
    table::SenderPart& sender = *peer.sender();
    const std::uint32_t count = send.messages.count();
    const auto awaited = confirmations_.begin_send(peer, send.first, count);
    if (!awaited) {
        state_.count(table::BrokerCounter::kMessagesRepeated, count);
        return;
    }
    std::uint32_t index = 0;
    std::uint32_t not_allowed = 0;
    send.messages.for_each([&](wire::Message message) {
        if (!may_send_to(in, message.id)) {
            count_not_allowed(sender, send.first + index, not_allowed);
            confirmations_.set_outcome(*awaited, index, kNotAllowed);
            ++index;
            return;
        }
        const std::uint64_t number = send.first + index;
        message.origin = {peer.incarnation, number};
        const wire::Origin earlier = split_origin(message);
        const bool repeated = number <= sender.taken_in;
        const auto known = known_to(sender, message);
        count_in(sender, number, repeated, known.has_value());
        if (known) {
            confirmations_.set_outcome(*awaited, index, *known);
        } else {
            if (earlier.sender != 0) {
                message.origin = earlier;
                confirmations_.set_moved(*awaited, index);
            }
            route_awaited(sender, message, repeated, {*awaited, index, number}, in.now);
        }
        ++index;
    });
    confirmations_.end_send(*awaited);
    tell_not_allowed(in, not_allowed, send.confirm);
}

/// The name under which another broker may have passed the message on. It goes on under that one,
/// so that a node that has had it does not show it again. Nothing else remembers it, so that a
/// message with a key is the same by whichever broker it comes.
wire::Origin Sends::split_origin(wire::Message& message) {
    if (message.attributes.empty()) {
        return {};
    }
    const wire::Origin origin = wire::split_origin(message.attributes, attributes_);
    if (origin.sender != 0) {
        message.attributes = attributes_;
    }
    return origin;
}

/// What its client repeats under a key has its answer, or none yet. What its sender repeats because
/// it has no answer, while the copies of the first one are under way, is passed on like a message
/// without a key.
std::optional<wire::Outcome> Sends::known_to(const table::SenderPart& sender,
                                             wire::Message& message) {
    auto known = idempotency_.known(message, wire::Confirm::kAcknowledgement);
    const bool is_under_way = known && known->refusal == wire::Outcome::Refusal::kUnderWay;
    // Another sender's copy may come again as well, and that one's nodes would not know it.
    const bool is_own_repeat = message.origin.number <= sender.accounted();
    return is_under_way && is_own_repeat && idempotency_.is_sent_again() ? std::nullopt : known;
}

void Sends::route_awaited(table::SenderPart& sender, const wire::Message& message, bool repeated,
                          const AwaitedPlace& place, Time now) {
    // A message that is kept is not passed on again: its first copy is in the history, where
    // nodes that have missed it find it, and a second one would have another position.
    const bool was_taken_in = sender.has_taken_in(place.number);
    if (was_taken_in && histories_.has(message.id)) {
        return;
    }
    state_.count(table::BrokerCounter::kMessagesRerouted, repeated ? 1 : 0);
    const Histories::Numbered kept =
        was_taken_in ? Histories::Numbered{message} : histories_.keep(message, now);
    if (kept.position != 0) {
        confirmations_.set_position(place.send, place.message, kept.position);
    }
    if (!was_taken_in) {
        if (const auto key = idempotency_.on_under_way(kept.position, now)) {
            confirmations_.set_key(place.send, place.message, *key);
        }
    }
    route(sender, kept.message, now, [&](table::NodePart& node, std::uint64_t batch) {
        confirmations_.expect(node, batch, place.send, place.message);
    });
}

template <typename OnCopy>
std::uint32_t Sends::route(table::SenderPart& sender, const wire::Message& message, Time now,
                           OnCopy&& on_copy) {
    feeds_.keep_within_memory();
    const std::uint32_t nodes = state_.table.for_each_node(message.id, [&](table::NodeIndex index) {
        table::NodePart& node = *state_.peers[index].node();
        on_copy(node, node.feed.append(message));
        feeds_.activate(index, node);
        credit_.note_copy(sender, index, node, now);
    });
    state_.count(nodes == 0 ? table::BrokerCounter::kMessagesVoid
                            : table::BrokerCounter::kMessagesHeld);
    state_.count(table::BrokerCounter::kMessagesRouted, nodes);
    state_.intake.add_messages(nodes);
    return nodes;
}

/// It is taken in, and goes into the void.
void Sends::count_not_allowed(table::SenderPart& sender, std::uint64_t number,
                              std::uint32_t& not_allowed) {
    const bool repeated = sender.taken_in >= number;
    count_in(sender, number, repeated, false);
    state_.count(table::BrokerCounter::kMessagesVoid, repeated ? 0 : 1);
    not_allowed += repeated ? 0 : 1;
}

void Sends::count_in(table::SenderPart& sender, std::uint64_t number, bool repeated,
                     bool is_known) {
    state_.count(repeated ? table::BrokerCounter::kMessagesRepeated
                          : table::BrokerCounter::kMessagesIn);
    state_.count(table::BrokerCounter::kMessagesKnown, is_known && !repeated ? 1 : 0);
    sender.sent_again += !repeated && number <= sender.sent_before ? 1 : 0;
}

void Sends::count_taken_in(table::SenderPart& sender, const wire::Send& send) {
    const std::uint64_t last = send.first + (send.messages.count() - 1);
    if (send.first > sender.accounted()) {
        state_.count(table::BrokerCounter::kMessagesMissing, send.first - sender.accounted() - 1);
    }
    sender.gaps.on_taken_in(send.first, last, sender.taken_in);
    sender.taken_in = std::max(sender.taken_in, last);
    state_.ledger.on_sender(sender);
}

} // namespace zcomet::broker::router
