#include "test/simulation/promises.hpp"

#include "test/simulation/frame_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace zcomet::sim {

namespace {

/// Of a name like "n3".
unsigned slot_of(std::string_view name) {
    unsigned slot = 0;
    for (const char digit : name.substr(1)) {
        slot = slot * 10 + static_cast<unsigned>(digit - '0');
    }
    return slot;
}

NodeSet bit_of(unsigned slot) {
    return NodeSet{1} << slot;
}

/// The names in the answer to QUERY "who": what follows `"nodes":`, between quotation marks.
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
}

// ---- Senders -----------------------------------------------------------------------------------

SenderAccount& Promises::add_sender(std::uint64_t incarnation) {
    SenderAccount& account = senders_.emplace_back();
    account.incarnation = incarnation;
    account.index = static_cast<std::uint32_t>(senders_.size() - 1);
    return account;
}

void Promises::on_sent(SenderAccount& sender, std::uint64_t number, IdNumber id, bool awaited) {
    ++world_.totals().messages;
    if (number != sender.messages.size() + 1) {
        world_.violate(fmt::format("a sender gave its message {} the number {}",
                                   sender.messages.size() + 1, number));
        return;
    }
    sender.messages.push_back(messages_.size());
    Message& message = messages_.emplace_back();
    message.sender = &sender;
    message.number = number;
    message.id = id;
    message.awaited = awaited;
}

void Promises::on_frame_sent(SenderAccount& sender, const wire::Send& send) {
    const std::uint64_t last = send.first + send.messages.count() - 1;
    sender.last_sent = std::max(sender.last_sent, last);
    for (std::uint64_t number = send.first; number <= last; ++number) {
        if (number > sender.messages.size()) {
            return world_.violate(
                fmt::format("a sender sends number {}, which it has not", number));
        }
        Message& message = messages_[sender.messages[number - 1]];
        if (message.sent++ > 0) {
            message.overtaken_by = sender.last_sent;
        }
    }
}

void Promises::on_under_way(std::size_t bytes) {
    if (bytes > limits_.sender_window_bytes + limits_.message_bytes_max) {
        world_.violate(fmt::format("a sender has {} bytes under way, its window is {}", bytes,
                                   limits_.sender_window_bytes));
    }
}

void Promises::on_receipt(const SenderAccount& sender, std::uint64_t number, std::uint32_t nodes) {
    if (number == 0 || number > sender.messages.size()) {
        world_.violate(fmt::format("a receipt for number {}, which was not sent", number));
        return;
    }
    const Message& message = messages_[sender.messages[number - 1]];
    if (std::find(message.receipts.begin(), message.receipts.end(), nodes) ==
        message.receipts.end()) {
        world_.violate(fmt::format("{} got a receipt of {} nodes, which the broker never said",
                                   text_of(message), nodes));
    }
}

/// What is behind it may have gone on since: feeds end, and nodes die that have shown it.
void Promises::on_acknowledged(const SenderAccount& sender, std::uint64_t number,
                               std::uint32_t nodes) {
    if (number == 0 || number > sender.messages.size()) {
        return world_.violate(fmt::format("number {} is acknowledged, which was not sent", number));
    }
    Message& message = messages_[sender.messages[number - 1]];
    if (!message.awaited || message.answered || message.taken_in == 0 || nodes > message.shown_by) {
        return world_.violate(fmt::format("{} is acknowledged by {} nodes{}; it was taken in {} "
                                          "times, and {} nodes have shown it",
                                          text_of(message), nodes,
                                          message.answered ? " once more" : "", message.taken_in,
                                          message.shown_by));
    }
    message.answered = true;
    ++world_.totals().acknowledged;
    const bool all_are_there =
        std::all_of(message.routed_to.begin(), message.routed_to.end(),
                    [](const Feed* feed) { return !feed->ended && feed->shed == 0; });
    if (message.taken_in == 1 && all_are_there && nodes != message.routed_to.size()) {
        world_.violate(fmt::format("{} is acknowledged by {} nodes, it went to {}",
                                   text_of(message), nodes, message.routed_to.size()));
    }
}

std::uint64_t Promises::unanswered(const SenderAccount& sender) const {
    return static_cast<std::uint64_t>(
        std::count_if(sender.messages.begin(), sender.messages.end(), [this](std::uint64_t number) {
            return messages_[number].awaited && !messages_[number].answered;
        }));
}

// ---- Nodes -------------------------------------------------------------------------------------

NodeAccount& Promises::add_node(unsigned slot, std::uint64_t incarnation) {
    NodeAccount& account = nodes_.emplace_back();
    account.slot = slot;
    account.incarnation = incarnation;
    account.presence.assign(ids_.size(), Presence::kUnknown);
    records_.resize(std::max<std::size_t>(records_.size(), slot + 1));
    return account;
}

void Promises::on_presence(NodeAccount& node, IdNumber id) {
    node.presence[id] = Presence::kUnknown;
}

void Promises::on_confirmed(const NodeAccount& node, const Feed& asked,
                            const std::vector<bool>& held) {
    if (broker_ == nullptr || feed_of(node) != &asked) {
        return; // the broker has forgotten the node since, which the node cannot know yet
    }
    for (IdNumber id = 0; id < held.size(); ++id) {
        if (held[id] && (who(id) & bit_of(node.slot)) == 0) {
            world_.violate(fmt::format("n{} was told that its logins are in the table, but {} is "
                                       "not",
                                       node.slot, ids_[id]));
            return;
        }
    }
}

void Promises::on_shown(NodeAccount& node, std::uint64_t feed_incarnation,
                        const wire::MessageList& messages) {
    Feed* const feed = find_feed(feed_incarnation);
    if (feed == nullptr || feed->node != &node) {
        world_.violate("a node showed messages of a feed that is not its own");
        return;
    }
    messages.for_each([&](const wire::Message& shown) {
        Message* const message = find_message(shown);
        if (message == nullptr || world_.violated()) {
            return;
        }
        const std::uint64_t number = *message_of(shown.payload);
        for (; feed->applied < feed->routed.size() && feed->routed[feed->applied] != number &&
               node.awaited_shown.contains(feed->routed[feed->applied]);
             ++feed->applied) {
            ++feed->shown_before;
        }
        if (feed->applied >= feed->routed.size() || feed->routed[feed->applied] != number) {
            world_.violate(fmt::format("n{} shows {}, but the next on its feed is {}", node.slot,
                                       text_of(*message),
                                       feed->applied < feed->routed.size()
                                           ? text_of(messages_[feed->routed[feed->applied]])
                                           : "nothing"));
            return;
        }
        ++feed->applied;
        note_shown(node, *message, shown);
    });
}

void Promises::note_shown(NodeAccount& node, Message& message, const wire::Message& shown) {
    ++world_.totals().shown;
    const wire::Origin origin{message.sender->incarnation, message.number};
    if (shown.origin != (message.awaited ? origin : wire::Origin{})) {
        world_.violate(fmt::format("{} comes with the wrong origin", text_of(message)));
    }
    if (message.awaited && !node.awaited_shown.insert(*message_of(shown.payload)).second) {
        world_.violate(fmt::format("n{} shows {} once more", node.slot, text_of(message)));
    }
    ++message.shown_by;
    const std::uint64_t key = (std::uint64_t{message.sender->index} << 32U) | message.id;
    std::uint64_t& last = node.last_shown[key];
    const bool may_come_late = message.awaited && last <= message.overtaken_by;
    if (message.number <= last && !may_come_late) {
        world_.violate(fmt::format("n{} shows {} after number {} of that sender and id", node.slot,
                                   text_of(message), last));
    }
    last = std::max(last, message.number);
}

void Promises::on_duplicates(const NodeAccount& node, std::uint64_t feed_incarnation,
                             std::uint64_t messages) {
    Feed* const feed = find_feed(feed_incarnation);
    const std::uint64_t known = feed == nullptr ? 0 : std::exchange(feed->shown_before, 0);
    world_.totals().duplicates += messages;
    std::uint64_t more = messages - known; // at the end of the batch
    for (; more > 0 && feed != nullptr && feed->applied < feed->routed.size() &&
           node.awaited_shown.contains(feed->routed[feed->applied]);
         --more) {
        ++feed->applied;
    }
    if (more != 0) {
        world_.violate(
            fmt::format("n{} takes messages for shown that it has not shown", node.slot));
    }
}

void Promises::on_lost(const NodeAccount& node, std::uint64_t feed_incarnation,
                       std::uint64_t messages) {
    Feed* const feed = find_feed(feed_incarnation);
    if (feed == nullptr || feed->node != &node || feed->lost + messages > feed->shed) {
        world_.violate("a node counts messages as lost that its broker did not shed");
        return;
    }
    feed->lost += messages;
    feed->applied += messages;
    world_.totals().shed += messages;
}

// ---- The broker --------------------------------------------------------------------------------

void Promises::on_broker_start(BrokerView& broker) {
    broker_ = &broker;
    dropped_bytes_at_turn_ = 0;
}

/// What was in its memory is gone; docs/PROTOCOL.md, section 8, says so.
void Promises::on_broker_end() {
    broker_ = nullptr;
    highest_.clear();
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

Promises::Counted Promises::count() const {
    return {.in = broker_->counter(BrokerCounter::kMessagesIn),
            .repeated = broker_->counter(BrokerCounter::kMessagesRepeated),
            .rerouted = broker_->counter(BrokerCounter::kMessagesRerouted),
            .into_void = broker_->counter(BrokerCounter::kMessagesVoid),
            .routed = broker_->counter(BrokerCounter::kMessagesRouted),
            .missing = broker_->counter(BrokerCounter::kMessagesMissing),
            .dropped_bytes = broker_->counter(BrokerCounter::kUnacknowledgedBytesDropped)};
}

void Promises::before_frame(std::string_view connection, std::string_view frame) {
    const auto decoded = wire::decode(frame);
    if (std::holds_alternative<wire::Refusal>(decoded)) {
        world_.violate("a frame that the broker cannot read");
        return;
    }
    current_ = Current{connection, frame, std::get<wire::Frame>(decoded), count(), {}, false};
    if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&current_->frame)) {
        note_acknowledgement(heartbeat->feed);
    } else if (const auto* resend = std::get_if<wire::Resend>(&current_->frame)) {
        note_acknowledgement(resend->from - 1);
    } else if (const auto* send = std::get_if<wire::Send>(&current_->frame)) {
        look_up(*send);
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
    check_removed(dropped_bytes_at_turn_);
    dropped_bytes_at_turn_ = count().dropped_bytes;
}

void Promises::note_acknowledgement(std::uint64_t through) {
    for (const Record& record : records_) {
        if (record.feed == nullptr || record.connection != current_->connection) {
            continue;
        }
        Feed& feed = *record.feed;
        while (feed.acknowledged < std::min<std::uint64_t>(through, feed.batch_bytes.size())) {
            feed.unacknowledged_bytes -= feed.batch_bytes[feed.acknowledged++];
        }
    }
}

// ---- What the broker takes in, and where it goes -----------------------------------------------

NodeSet Promises::who(IdNumber id) const {
    return named_nodes(broker_->ask("who", ids_[id]));
}

IdNumber Promises::number_of(std::string_view id) const {
    return id_numbers_.find(std::string(id))->second;
}

void Promises::look_up(const wire::Send& send) {
    send.messages.for_each([&](const wire::Message& sent) {
        const IdNumber id = number_of(sent.id);
        const NodeSet holders = who(id);
        current_->holders.push_back(holders);
        check_presence(id, holders);
    });
}

void Promises::check_presence(IdNumber id, NodeSet holders) {
    for (unsigned slot = 0; slot < records_.size(); ++slot) {
        const Record& record = records_[slot];
        const bool holds = (holders & bit_of(slot)) != 0;
        if (holds && record.node == nullptr) {
            world_.violate(fmt::format("{} is logged in on n{}, which the broker does not know",
                                       ids_[id], slot));
        } else if (record.node != nullptr) {
            const Presence known = record.node->presence[id];
            if (known != Presence::kUnknown && holds != (known == Presence::kHeld)) {
                world_.violate(fmt::format("{} is {} on n{}, which changed nothing about it",
                                           ids_[id], holds ? "logged in" : "not logged in", slot));
            }
        }
    }
}

void Promises::check_send(const wire::Send& send) {
    const Counted after = count();
    const Counted& before = current_->before;
    const std::uint64_t repeated = after.repeated - before.repeated;
    const std::uint64_t taken_in = after.in - before.in;
    if (repeated + taken_in == 0) {
        return; // refused
    }
    if (repeated + taken_in != send.messages.count() ||
        current_->has_receipt != (send.confirm == wire::Confirm::kReceipt)) {
        world_.violate("a SEND was taken in only in part, or its receipt is missing");
        return;
    }
    // What is repeated goes nowhere, unless its sender awaits an acknowledgement that the broker
    // does not await itself.
    const std::uint64_t rerouted = after.rerouted - before.rerouted;
    const bool may_reroute = send.confirm == wire::Confirm::kAcknowledgement;
    if (rerouted > 0 && (!may_reroute || rerouted != repeated)) {
        world_.violate("a SEND was passed on again that should not be");
        return;
    }
    std::uint64_t number = send.first;
    std::uint64_t routed = 0;
    std::uint64_t into_void = 0;
    send.messages.for_each([&](const wire::Message& sent) {
        const std::uint64_t index = number - send.first;
        const NodeSet holders = current_->holders[index];
        if (index >= repeated - rerouted) {
            routed += static_cast<std::uint64_t>(__builtin_popcountll(holders));
            into_void += holders == 0 ? 1 : 0;
            take_in(sent, number, holders);
        }
        ++number;
    });
    if (routed != after.routed - before.routed || into_void != after.into_void - before.into_void) {
        world_.violate("the counters of routed messages do not fit what was in the table");
    }
}

void Promises::take_in(const wire::Message& sent, std::uint64_t number, NodeSet holders) {
    Message* const message = find_message(sent);
    if (message == nullptr) {
        return;
    }
    const bool too_often = message->taken_in >= (message->awaited ? message->sent : 1);
    if (message->number != number || too_often) {
        world_.violate(fmt::format("{} was taken in as {}{}", text_of(*message), number,
                                   too_often ? " once more" : ""));
        return;
    }
    message->sender->taken_in += message->taken_in++ == 0 ? 1 : 0;
    for (unsigned slot = 0; slot < records_.size(); ++slot) {
        if ((holders & bit_of(slot)) != 0 && records_[slot].feed != nullptr) {
            records_[slot].feed->routed.push_back(*message_of(sent.payload));
            if (message->awaited) {
                message->routed_to.push_back(records_[slot].feed);
            }
        }
    }
}

void Promises::on_reply(std::string_view /*connection*/, std::string_view frame) {
    const auto kind = static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]);
    if (!current_ || (kind != wire::Kind::kWelcome && kind != wire::Kind::kReceipt)) {
        return;
    }
    const auto* hello = std::get_if<wire::Hello>(&current_->frame);
    const auto decoded = wire::decode(frame, hello == nullptr ? wire::Role::kSender : hello->role);
    const auto& reply = std::get<wire::Frame>(decoded);
    if (const auto* receipt = std::get_if<wire::Receipt>(&reply)) {
        check_receipt(*receipt);
    } else if (hello != nullptr && hello->role == wire::Role::kNode) {
        note_welcome(std::get<wire::Welcome>(reply), *hello);
    }
}

void Promises::check_receipt(const wire::Receipt& receipt) {
    const auto* send = std::get_if<wire::Send>(&current_->frame);
    if (send == nullptr || send->confirm != wire::Confirm::kReceipt || current_->has_receipt ||
        receipt.count != send->messages.count() || receipt.first != send->first) {
        world_.violate("a receipt that nobody asked for");
        return;
    }
    current_->has_receipt = true;
    std::uint32_t index = 0;
    send->messages.for_each([&](const wire::Message& sent) {
        const auto nodes =
            static_cast<std::uint32_t>(__builtin_popcountll(current_->holders[index]));
        Message* const message = find_message(sent);
        if (message == nullptr || receipt.nodes(index) != nodes) {
            world_.violate(
                fmt::format("a receipt of {} nodes, {} hold the id", receipt.nodes(index), nodes));
            return;
        }
        message->receipts.push_back(nodes);
        ++index;
    });
}

// ---- Feeds -------------------------------------------------------------------------------------

void Promises::note_welcome(const wire::Welcome& welcome, const wire::Hello& hello) {
    Record* const record = find_record(hello.incarnation);
    if (record == nullptr) {
        world_.violate("a WELCOME for a node that the broker does not know");
        return;
    }
    record->connection = current_->connection;
    const std::uint64_t incarnation = std::get<wire::NodeWelcome>(welcome.part).feed_incarnation;
    if (record->feed != nullptr) {
        if (record->feed->incarnation != incarnation) {
            world_.violate("a WELCOME names another feed than the one before");
        }
        return;
    }
    Feed& feed = feeds_.emplace_back();
    feed.node = record->node;
    feed.incarnation = incarnation;
    feed_by_incarnation_[incarnation] = &feed;
    record->feed = &feed;
}

void Promises::on_publish(std::string_view topic, std::string_view frame) {
    const auto decoded = wire::decode(frame);
    const auto& batch = std::get<wire::Batch>(std::get<wire::Frame>(decoded));
    Feed* const feed = find_feed(batch.incarnation);
    if (feed == nullptr || topic != wire::encode_topic(feed->node->incarnation)) {
        world_.violate("a batch under a topic that is not its feed's");
        return;
    }
    note_batch(*feed, batch, frame.size());
}

void Promises::note_batch(Feed& feed, const wire::Batch& batch, std::size_t bytes) {
    const std::uint64_t published = feed.batch_bytes.size();
    const bool is_empty = !batch.shed && batch.messages.count() == 0;
    if (is_empty || batch.number <= published) {
        return; // a heartbeat, or sent again
    }
    const std::uint64_t from = batch.shed ? batch.shed_from : batch.number;
    if (from > published + 1) {
        world_.violate(fmt::format("batch {} was published after {}", from, published));
        return;
    }
    if (batch.shed) {
        feed.batch_bytes.resize(batch.number, 0);
        return;
    }
    if (feed.unacknowledged_bytes >= limits_.feed_window_bytes) {
        world_.violate(fmt::format("batch {} of n{} was published past the window", batch.number,
                                   feed.node->slot));
    }
    feed.batch_bytes.push_back(bytes);
    feed.unacknowledged_bytes += bytes;
}

void Promises::on_event(const RouterEvent& event) {
    switch (event.kind) {
    case RouterEvent::Kind::kJoined:
        if (event.role == wire::Role::kNode) {
            const auto node =
                std::find_if(nodes_.begin(), nodes_.end(), [&](const NodeAccount& known) {
                    return known.incarnation == event.incarnation;
                });
            Record& record = records_[slot_of(event.name)];
            if (record.node != nullptr) {
                world_.violate("a node joined under a name that another one has");
            }
            record = {&*node, nullptr, {}};
        }
        break;
    case RouterEvent::Kind::kLeft:
    case RouterEvent::Kind::kDied:
    case RouterEvent::Kind::kReplaced:
        if (event.role == wire::Role::kNode) {
            on_node_gone(event.incarnation);
        }
        break;
    case RouterEvent::Kind::kShed:
        // Of a node that is being removed the record is gone already.
        for (Feed& feed : feeds_) {
            const bool gone = std::find(removed_.begin(), removed_.end(), &feed) != removed_.end();
            const Record* const record = find_record(event.incarnation);
            if ((record != nullptr && record->feed == &feed) ||
                (gone && feed.node->incarnation == event.incarnation)) {
                feed.shed += event.count;
            }
        }
        break;
    case RouterEvent::Kind::kDrifted:
        if (!limits_.tables_drift) {
            world_.violate(fmt::format("{} and the broker do not agree on its ids", event.name));
        }
        break;
    default:
        break;
    }
}

void Promises::on_node_gone(std::uint64_t incarnation) {
    Record* const record = find_record(incarnation);
    if (record == nullptr) {
        world_.violate("a node went that was not there");
        return;
    }
    std::fill(record->node->presence.begin(), record->node->presence.end(), Presence::kUnknown);
    if (record->feed != nullptr) {
        removed_.push_back(record->feed);
        record->feed->ended = true;
    }
    *record = {};
}

/// Messages that a node did not get before the broker forgot it are lost, but not in silence.
void Promises::check_removed(std::uint64_t dropped_bytes_before) {
    const bool dropped = broker_ != nullptr && count().dropped_bytes > dropped_bytes_before;
    for (const Feed* feed : removed_) {
        const std::uint64_t shed_untold = feed->shed - feed->lost;
        if (feed->applied + shed_untold < feed->routed.size() && !dropped) {
            world_.violate(fmt::format("n{} was forgotten with {} messages not shown, and nothing "
                                       "was counted as dropped",
                                       feed->node->slot, feed->routed.size() - feed->applied));
        }
    }
    removed_.clear();
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

Promises::Message* Promises::find_message(const wire::Message& message) {
    const auto number = message_of(message.payload);
    if (!number || *number == 0 || *number >= messages_.size() ||
        ids_[messages_[*number].id] != message.id) {
        world_.violate("a message that no sender sent");
        return nullptr;
    }
    return &messages_[*number];
}

std::string Promises::text_of(const Message& message) const {
    return fmt::format("#{} (number {} of sender {:04x} to {})",
                       message.sender->messages[message.number - 1], message.number,
                       message.sender->incarnation >> 48U, ids_[message.id].substr(0, 8));
}

} // namespace zcomet::sim
