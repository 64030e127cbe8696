// What the checks have seen of the cluster, and which part handles each of the broker's actions.
#include "test/simulation/promises.hpp"

#include "test/simulation/frame_text.hpp"
#include "topology/wire/attributes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace zcomet::sim {

namespace {

/// The names in the answer to QUERY "who": those after `"nodes":`, in quotation marks.
NodeSet named_nodes(std::string_view json) {
    NodeSet nodes = 0;
    std::size_t at = json.find("\"nodes\":");
    at = json.find('"', at + 8);
    while (at != std::string_view::npos) {
        const std::size_t end = json.find('"', at + 1);
        nodes |= bit_of(slot_of(json.substr(at + 1, end - at - 1)));
        at = json.find('"', end + 1);
    }
    return nodes;
}

} // namespace

Promises::Promises(World& world, const std::vector<std::string>& ids, const Limits& limits)
    : world_(world), ids_(ids), limits_(limits) {
    for (IdNumber id = 0; id < ids.size(); ++id) {
        id_numbers_.emplace(ids[id], id);
    }
    messages_.emplace_back(); // numbers begin at 1
    rules_.resize(ids.size(), nullptr);
    away_.resize(ids.size());
    for (const broker::history::Rule& rule : limits_.history) {
        rules_[number_of(rule.pattern)] = &rule;
    }
}

void Promises::on_broker_start(BrokerView& broker) {
    broker_ = &broker;
    begin_epoch();
    all_left_behind_ = false;
    dropped_bytes_at_turn_ = 0;
}

/// The memory of the broker is lost; docs/PROTOCOL.md, section 8, says so.
void Promises::on_broker_end() {
    broker_ = nullptr;
    spoken_.clear();
    connections_.clear();
    for (Record& record : records_) {
        if (record.node != nullptr) {
            std::fill(record.node->presence.begin(), record.node->presence.end(),
                      Presence::kUnknown);
        }
        if (record.feed != nullptr) {
            record.feed->ended = true;
        }
        record = {};
    }
}

void Promises::before_frame(std::string_view connection, std::string_view frame) {
    const auto decoded = wire::decode(frame);
    if (std::holds_alternative<wire::Refusal>(decoded)) {
        world_.violate("a frame that the broker cannot read");
        return;
    }
    current_ = Current{connection, frame, std::get<wire::Frame>(decoded), count(), {}, false};
    note_spoken(connection);
    if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&current_->frame)) {
        note_acknowledgement(heartbeat->feed_incarnation, heartbeat->feed);
    } else if (const auto* resend = std::get_if<wire::Resend>(&current_->frame)) {
        note_acknowledgement(resend->feed_incarnation, resend->from - 1);
    } else if (const auto* send = std::get_if<wire::Send>(&current_->frame)) {
        look_up(*send);
    } else if (const auto* question = std::get_if<wire::History>(&current_->frame)) {
        note_question(connection, *question);
    }
}

void Promises::after_frame() {
    if (!current_) {
        return;
    }
    if (const auto* send = std::get_if<wire::Send>(&current_->frame)) {
        check_send(*send);
    }
    check_removed(current_->before.dropped_bytes);
    dropped_bytes_at_turn_ = count().dropped_bytes;
    current_.reset();
}

void Promises::after_turn() {
    check_feeds_go_on();
    check_nobody_waits();
    check_removed(dropped_bytes_at_turn_);
    dropped_bytes_at_turn_ = count().dropped_bytes;
}

void Promises::on_reply(std::string_view connection, std::string_view frame) {
    const auto kind = static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]);
    if (kind == wire::Kind::kWelcome) {
        note_welcome(connection, frame);
    } else if (kind == wire::Kind::kReceipt && current_) {
        const auto decoded = wire::decode(frame, wire::Role::kSender);
        check_receipt(std::get<wire::Receipt>(std::get<wire::Frame>(decoded)));
    } else if (kind == wire::Kind::kAcknowledged) {
        const auto decoded = wire::decode(frame, wire::Role::kSender);
        check_acknowledged(connection,
                           std::get<wire::Acknowledged>(std::get<wire::Frame>(decoded)));
    } else if (kind == wire::Kind::kKept) {
        const auto decoded = wire::decode(frame, wire::Role::kNode);
        check_kept(connection, std::get<wire::Kept>(std::get<wire::Frame>(decoded)));
    }
}

void Promises::on_event(const broker::router::RouterEvent& event) {
    const bool is_node = event.role == wire::Role::kNode;
    switch (event.kind) {
    case broker::router::RouterEvent::Kind::kJoined:
        if (is_node) {
            note_joined(event);
        }
        break;
    case broker::router::RouterEvent::Kind::kDied:
        check_death(event.incarnation);
        [[fallthrough]];
    case broker::router::RouterEvent::Kind::kLeft:
    case broker::router::RouterEvent::Kind::kReplaced:
        connections_.erase(event.incarnation);
        if (is_node) {
            on_node_gone(event.incarnation);
        }
        break;
    case broker::router::RouterEvent::Kind::kShed:
        note_shed(event);
        break;
    case broker::router::RouterEvent::Kind::kBehind:
    case broker::router::RouterEvent::Kind::kCaughtUp:
        note_lag(event);
        break;
    case broker::router::RouterEvent::Kind::kDisbelieved:
        if (!limits_.nodes_lie) {
            world_.violate(fmt::format("{} reports what cannot be", event.name));
        }
        break;
    case broker::router::RouterEvent::Kind::kDrifted:
        if (!limits_.tables_drift) {
            world_.violate(fmt::format("{} and the broker do not agree on its ids", event.name));
        }
        break;
    default:
        break;
    }
}

Promises::Counted Promises::count() const {
    return {.in = broker_->counter(broker::table::BrokerCounter::kMessagesIn),
            .repeated = broker_->counter(broker::table::BrokerCounter::kMessagesRepeated),
            .rerouted = broker_->counter(broker::table::BrokerCounter::kMessagesRerouted),
            .into_void = broker_->counter(broker::table::BrokerCounter::kMessagesVoid),
            .routed = broker_->counter(broker::table::BrokerCounter::kMessagesRouted),
            .missing = broker_->counter(broker::table::BrokerCounter::kMessagesMissing),
            .dropped_bytes =
                broker_->counter(broker::table::BrokerCounter::kUnacknowledgedBytesDropped),
            .kept = broker_->counter(broker::table::BrokerCounter::kHistoryKept)};
}

NodeSet Promises::who(IdNumber id) const {
    return named_nodes(broker_->ask("who", ids_[id]));
}

IdNumber Promises::number_of(std::string_view id) const {
    return id_numbers_.find(std::string(id))->second;
}

const Feed* Promises::feed_of(const NodeAccount& node) const {
    const Record& record = records_[node.slot];
    return record.node == &node ? record.feed : nullptr;
}

Feed* Promises::find_feed(std::uint64_t incarnation) const {
    const auto found = feed_by_incarnation_.find(incarnation);
    return found == feed_by_incarnation_.end() ? nullptr : found->second;
}

Promises::Record* Promises::find_record(std::uint64_t incarnation) {
    const auto found = std::find_if(records_.begin(), records_.end(), [&](const Record& record) {
        return record.node != nullptr && record.node->incarnation == incarnation;
    });
    return found == records_.end() ? nullptr : &*found;
}

Promises::Message* Promises::find_message(const wire::Message& message, std::uint64_t position) {
    const auto number = message_of(message.payload);
    if (!number || *number == 0 || *number >= messages_.size() ||
        ids_[messages_[*number].id] != message.id) {
        world_.violate("a message that no sender sent");
        return nullptr;
    }
    std::string attributes = attributes_of(*number);
    if (position != 0) {
        wire::add_position(attributes_of(*number), position, attributes);
    }
    if (message.attributes != attributes) {
        world_.violate(fmt::format("{} comes with other attributes than it was sent with",
                                   text_of(messages_[*number])));
        return nullptr;
    }
    return &messages_[*number];
}

std::string Promises::attributes_of(std::uint64_t message) const {
    // Spread over a thousand by a prime, so that neighbours differ.
    if (message * 389 % 1000 >= limits_.attributed_per_mille) {
        return {};
    }
    return wire::encode(wire::Attributes{.event = std::to_string(message)});
}

Promises::Message* Promises::find_sent(const wire::Message& sent, std::uint64_t number) {
    const std::uint64_t first = message_of(sent.payload).value_or(0);
    if (sent.attributes != sent_attributes_of(first)) {
        world_.violate(fmt::format("#{} is sent with other attributes than its own", first));
        return nullptr;
    }
    wire::Message as_shown = sent;
    const std::string attributes = attributes_of(first);
    as_shown.attributes = attributes;
    if (find_message(as_shown) == nullptr) {
        return nullptr;
    }
    const SenderAccount* const sender = sender_at(current_->connection);
    const bool is_its_own = sender != nullptr && number >= 1 && number <= sender->messages.size();
    Message* const message = is_its_own ? &messages_[sender->messages[number - 1]] : nullptr;
    if (message == nullptr || message->first != first) {
        world_.violate(fmt::format("#{} is sent as number {}, which it is not", first, number));
        return nullptr;
    }
    return message;
}

bool Promises::has_key(std::uint64_t message) const {
    return message * 577 % 1000 < limits_.keyed_per_mille; // as below
}

std::string Promises::sent_attributes_of(std::uint64_t message) const {
    std::string attributes = attributes_of(message);
    if (has_key(message)) {
        wire::add_key(attributes, fmt::format("{:016x}", message));
    }
    return attributes;
}

std::string Promises::text_of(const Message& message) const {
    return fmt::format("#{} (number {} of sender {:04x} to {})",
                       message.sender->messages[message.number - 1], message.number,
                       message.sender->incarnation >> 48U, ids_[message.id].substr(0, 8));
}

} // namespace zcomet::sim
