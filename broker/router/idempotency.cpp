#include "broker/router/idempotency.hpp"

#include <absl/hash/hash.h>

#include <algorithm>
#include <string_view>
#include <tuple>

namespace zcomet::broker::router {

namespace {

/// @limit keys of messages that a broker forgets in a turn because they are too old
constexpr std::size_t kForgottenPerTurn = 1024;

} // namespace

std::optional<wire::Outcome> Idempotency::known(wire::Message& message, wire::Confirm confirm) {
    in_hand_.reset();
    if (message.attributes.empty()) {
        return std::nullopt;
    }
    const std::string_view key = wire::split_key(message.attributes, attributes_);
    if (key.empty()) {
        return std::nullopt;
    }
    message.attributes = attributes_;
    in_hand_.emplace();
    std::copy(key.begin(), key.end(), in_hand_->key.begin());
    using Parts = std::tuple<std::string_view, std::string_view, std::string_view>;
    in_hand_->content = absl::Hash<Parts>{}(Parts{message.id, message.attributes, message.payload});
    using Origin = std::tuple<std::uint64_t, std::uint64_t>;
    in_hand_->origin = static_cast<std::uint32_t>(
        absl::Hash<Origin>{}(Origin{message.origin.sender, message.origin.number}));
    const table::KeyedMessage* const first = keys_.find(in_hand_->key);
    return first == nullptr ? std::nullopt : std::optional(outcome_of(*first, confirm));
}

wire::Outcome Idempotency::outcome_of(const table::KeyedMessage& first,
                                      wire::Confirm confirm) const {
    using State = table::KeyedMessage::State;
    if (first.content != in_hand_->content) {
        state_.count(table::BrokerCounter::kKeysMisused);
        return {.refusal = wire::Outcome::Refusal::kOtherMessage};
    }
    if (first.state == State::kUnderWay) {
        return {.refusal = wire::Outcome::Refusal::kUnderWay};
    }
    wire::Outcome outcome;
    // That nodes held the id does not mean that the message has arrived.
    const bool says_enough =
        first.state == State::kArrived || confirm != wire::Confirm::kAcknowledgement;
    if (says_enough && first.nodes != table::KeyedMessage::kNotKnown) {
        outcome.nodes = first.nodes;
    }
    if (first.position != 0) {
        outcome.epoch = histories_.epoch();
        outcome.position = first.position;
    }
    return outcome;
}

table::KeyedMessage& Idempotency::remember(std::uint64_t position, Time now) {
    state_.count(table::BrokerCounter::kKeysForgotten, keys_.size() == keys_.most() ? 1 : 0);
    table::KeyedMessage& first = keys_.add(in_hand_->key, now);
    first.content = in_hand_->content;
    first.position = position;
    due_ = std::min(due_, keys_.due());
    return first;
}

bool Idempotency::is_sent_again() {
    const table::KeyedMessage* const first = keys_.find(in_hand_->key);
    return first->state == table::KeyedMessage::State::kUnderWay &&
           first->nodes == in_hand_->origin;
}

void Idempotency::on_held(const wire::Outcome& outcome, Time now) {
    if (in_hand_) {
        table::KeyedMessage& first = remember(outcome.position, now);
        first.state = table::KeyedMessage::State::kHeld;
        first.nodes = outcome.nodes.value_or(table::KeyedMessage::kNotKnown);
    }
}

std::optional<table::MessageKey> Idempotency::on_under_way(std::uint64_t position, Time now) {
    const bool is_first = in_hand_ && keys_.find(in_hand_->key) == nullptr;
    if (!is_first) {
        return std::nullopt;
    }
    table::KeyedMessage& first = remember(position, now);
    first.state = table::KeyedMessage::State::kUnderWay;
    first.nodes = in_hand_->origin;
    return in_hand_->key;
}

void Idempotency::on_arrived(const table::MessageKey& key, std::optional<std::uint32_t> nodes) {
    table::KeyedMessage* const first = keys_.find(key);
    if (first != nullptr && first->state == table::KeyedMessage::State::kUnderWay) {
        first->state = table::KeyedMessage::State::kArrived;
        first->nodes = nodes.value_or(table::KeyedMessage::kNotKnown);
    }
}

void Idempotency::turn(Time now) {
    if (due_ <= now) {
        due_ = keys_.expire(now, kForgottenPerTurn) ? now : keys_.due();
    }
}

} // namespace zcomet::broker::router
