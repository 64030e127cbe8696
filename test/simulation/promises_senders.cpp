// Promises to senders: each message is taken in once and goes to the nodes that hold its id, and
// the sender is told what became of it.
#include "test/simulation/frame_text.hpp"
#include "test/simulation/promises.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace zcomet::sim {

namespace {
/// A client tries again soon.
constexpr std::uint64_t kCopiedLately = 64;
} // namespace

SenderAccount& Promises::add_sender(std::uint64_t incarnation) {
    SenderAccount& account = senders_.emplace_back();
    account.incarnation = incarnation;
    account.index = static_cast<std::uint32_t>(senders_.size() - 1);
    return account;
}

SenderAccount* Promises::sender_at(std::string_view connection) {
    const std::uint64_t incarnation = spoken_[std::string(connection)].incarnation;
    const auto found =
        std::find_if(senders_.begin(), senders_.end(), [incarnation](const SenderAccount& sender) {
            return sender.incarnation == incarnation;
        });
    return found == senders_.end() ? nullptr : &*found;
}

std::optional<Post> Promises::copy_for(const SenderAccount& sender) {
    constexpr int kTries = 8;
    Random& random = world_.copy_random();
    for (int tries = 0; tries < kTries && messages_.size() > 1; ++tries) {
        const std::uint64_t number =
            messages_.size() - 1 - random.below(std::min(messages_.size() - 1, kCopiedLately));
        Message& message = messages_[number];
        const bool is_first = message.first == number;
        if (is_first && message.sender != &sender && has_key(number) && !message.has_copy) {
            message.has_copy = true;
            return Post{message.id, message.filler_bytes, wire::Confirm::kNothing, number};
        }
    }
    return std::nullopt;
}

void Promises::on_sent(SenderAccount& sender, std::uint64_t number, const Post& post) {
    ++world_.totals().messages;
    if (number != sender.messages.size() + 1) {
        world_.violate(fmt::format("a sender gave its message {} the number {}",
                                   sender.messages.size() + 1, number));
        return;
    }
    const std::uint64_t in_list = messages_.size();
    sender.messages.push_back(in_list);
    Message& message = messages_.emplace_back();
    message.sender = &sender;
    message.number = number;
    message.id = post.id;
    message.awaited = post.confirm == wire::Confirm::kAcknowledgement;
    message.filler_bytes = post.filler_bytes;
    message.first = post.copy_of != 0 ? post.copy_of : in_list;
    if (post.copy_of != 0) {
        ++world_.totals().copies;
        messages_[post.copy_of].copy = in_list;
    }
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

void Promises::on_credit(const SenderAccount& sender, std::uint64_t through) {
    if (through > sender.last_taken_in) {
        world_.violate(fmt::format("a sender has credit up to number {}, {} was taken in last",
                                   through, sender.last_taken_in));
    }
}

void Promises::on_under_way(std::size_t frames, std::size_t bytes) {
    if (frames > 1 && bytes > limits_.sender_window_bytes) {
        world_.violate(fmt::format("a sender has {} bytes under way, its window is {}", bytes,
                                   limits_.sender_window_bytes));
    }
}

/// The sender is told where its message is kept.
/// @param is_first  the answer is about the first copy that a broker took in.
void Promises::check_position(std::uint64_t message, const wire::Outcome& outcome, bool is_first) {
    const std::uint64_t first = messages_[message].first;
    if (outcome.refusal == wire::Outcome::Refusal::kUnderWay && messages_[first].copy != 0) {
        return; // is_as_leader() has looked at it
    }
    if (outcome.refusal != wire::Outcome::Refusal::kNone) {
        return world_.violate(fmt::format("{} is taken for another message, or for a client's "
                                          "repeat",
                                          text_of(messages_[message])));
    }
    const bool must_have_one = is_first && has_history(messages_[message].id);
    const bool has_one = outcome.position != 0;
    if ((must_have_one && !has_one) ||
        (has_one && !is_kept_at({outcome.epoch, outcome.position}, first))) {
        world_.violate(fmt::format("{} is said to be kept at {:04x}-{:x}",
                                   text_of(messages_[message]), outcome.epoch >> 48U,
                                   outcome.position));
    }
}

void Promises::on_receipt(const SenderAccount& sender, std::uint64_t number,
                          const wire::Outcome& outcome) {
    if (number == 0 || number > sender.messages.size()) {
        world_.violate(fmt::format("a receipt for number {}, which was not sent", number));
        return;
    }
    const Message& message = messages_[sender.messages[number - 1]];
    const std::optional<std::uint32_t> nodes = outcome.nodes;
    if (std::find(message.receipts.begin(), message.receipts.end(), nodes) ==
        message.receipts.end()) {
        world_.violate(fmt::format("{} got a receipt of {} nodes, which the broker never said",
                                   text_of(message), nodes ? fmt::format("{}", *nodes) : "?"));
    }
    check_position(sender.messages[number - 1], outcome, nodes.has_value());
}

/// The cluster may have moved on since then: feeds end, and nodes that have shown it die.
void Promises::on_acknowledged(const SenderAccount& sender, std::uint64_t number,
                               const wire::Outcome& outcome) {
    if (number == 0 || number > sender.messages.size()) {
        return world_.violate(fmt::format("number {} is acknowledged, which was not sent", number));
    }
    Message& message = messages_[sender.messages[number - 1]];
    const std::optional<std::uint32_t> told = outcome.nodes;
    const std::uint32_t nodes = told.value_or(0);
    const Message& first = messages_[message.first];
    const bool is_one_of_two = first.copy != 0;
    const std::uint32_t shown_by =
        is_one_of_two ? first.shown_by + messages_[first.copy].shown_by : message.shown_by;
    if (!told && message.sent < 2 && !is_one_of_two) {
        return world_.violate(
            fmt::format("{} was sent once, and nobody knows where it arrived", text_of(message)));
    }
    if (!message.awaited || message.answered || message.taken_in == 0 || nodes > shown_by) {
        return world_.violate(fmt::format("{} is acknowledged by {} nodes{}; it was taken in {} "
                                          "times, and {} nodes have shown it",
                                          text_of(message), nodes,
                                          message.answered ? " once more" : "", message.taken_in,
                                          shown_by));
    }
    check_position(sender.messages[number - 1], outcome, message.sent == 1);
    message.answered = true;
    ++world_.totals().acknowledged;
    const bool all_are_there =
        std::all_of(message.routed_to.begin(), message.routed_to.end(),
                    [](const Feed* feed) { return !feed->ended && feed->shed == 0; });
    const bool was_routed =
        !is_one_of_two || &messages_[first.leader] == &message || !message.routed_to.empty();
    if (message.taken_in == 1 && told && was_routed && all_are_there &&
        nodes != message.routed_to.size()) {
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

/// The broker says where a frame has arrived: not "nowhere" if it had the frame before.
void Promises::check_acknowledged(std::string_view connection,
                                  const wire::Acknowledged& acknowledged) {
    const SenderAccount* const sender = sender_at(connection);
    const auto* send = current_ && current_->connection == connection
                           ? std::get_if<wire::Send>(&current_->frame)
                           : nullptr;
    const bool is_in_hand = send != nullptr && send->first == acknowledged.first;
    for (std::uint32_t i = 0; i < acknowledged.count; ++i) {
        Message& message = messages_[sender->messages[acknowledged.first + i - 1]];
        const std::uint64_t copies = message.taken_in + (is_in_hand ? 1 : 0);
        const bool is_remembered = has_key(message.first);
        const wire::Outcome outcome = acknowledged.outcome(i);
        if (is_known(message)) {
            message.is_pending = false;
            if (!is_as_leader(message, outcome, wire::Confirm::kAcknowledgement)) {
                world_.violate(fmt::format("{} is not said to have the fate of its other copy",
                                           text_of(message)));
            }
            continue;
        }
        if (!message.is_told) {
            message.is_told = true;
            message.told = outcome.nodes;
        }
        if (acknowledged.outcome(i).nodes == 0U && copies > 1 && !is_remembered) {
            world_.violate(fmt::format("{} is said to have arrived nowhere, the {}th time",
                                       text_of(message), copies));
        }
    }
}

void Promises::look_up(const wire::Send& send) {
    send.messages.for_each([&](const wire::Message& sent) {
        const IdNumber id = number_of(sent.id);
        const NodeSet holders = who(id);
        current_->holders.push_back(holders);
        check_presence(id, holders);
    });
    const SenderAccount* const sender = sender_at(current_->connection);
    for (std::uint64_t number = send.first;
         sender != nullptr && number >= 1 && number - send.first < send.messages.count() &&
         number <= sender->messages.size();
         ++number) {
        Message& message = messages_[sender->messages[number - 1]];
        if (is_known(message) && !message.is_pending) {
            message.is_pending = send.confirm == wire::Confirm::kAcknowledgement;
            message.leader_was_told = leader_of(message)->is_told;
        }
    }
}

Promises::Message* Promises::leader_of(const Message& message) {
    Message& first = messages_[message.first];
    const bool has_one = has_key(message.first) && first.led_in == epochs_.size();
    return has_one ? &messages_[first.leader] : nullptr;
}

bool Promises::is_as_leader(const Message& message, const wire::Outcome& outcome,
                            wire::Confirm confirm) {
    const Message& leader = *leader_of(message);
    if (outcome.refusal == wire::Outcome::Refusal::kUnderWay) {
        return leader.awaited && !message.leader_was_told;
    }
    if (outcome.refusal != wire::Outcome::Refusal::kNone) {
        return false;
    }
    if (leader.awaited) {
        return !leader.is_told || outcome.nodes == leader.told;
    }
    // That nodes held the id does not mean that the message has arrived.
    return confirm == wire::Confirm::kAcknowledgement ? !outcome.nodes
                                                      : outcome.nodes == leader.held;
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
    // A repeated message goes nowhere, unless its sender awaits an acknowledgement that the broker
    // does not await itself. Nor then if the broker has kept it.
    const std::uint64_t rerouted = after.rerouted - before.rerouted;
    const bool may_reroute = send.confirm == wire::Confirm::kAcknowledgement;
    std::uint64_t place = 0;
    std::uint64_t may_be_rerouted = 0;
    std::uint64_t must_be_rerouted = 0; // or they are lost
    std::uint64_t may_be_known = 0;     // of those that may be rerouted
    std::uint64_t kept = 0;
    send.messages.for_each([&](const wire::Message& sent) {
        const Message* const message = find_sent(sent, send.first + place);
        const bool is_repeated = place++ < repeated;
        const bool is_other_copy = message == nullptr || is_known(*message);
        const bool is_new = !is_other_copy && is_new_to_history(sent);
        const bool has_none = !is_other_copy && !has_history(number_of(sent.id));
        may_be_rerouted += is_repeated && (is_new || has_none) ? 1 : 0;
        may_be_known += is_repeated && has_none && has_key(*message_of(sent.payload)) ? 1 : 0;
        must_be_rerouted += is_repeated && is_new && may_reroute ? 1 : 0;
        kept += is_new && (!is_repeated || rerouted > 0) ? 1 : 0;
    });
    if (world_.violated()) {
        return;
    }
    if (after.kept - before.kept != kept) {
        world_.violate(
            fmt::format("{} messages of a SEND were kept, not {}", after.kept - before.kept, kept));
        return;
    }
    // It is known of all messages of a frame at the same time where they arrived.
    const bool all_are_answered = rerouted + may_be_known == may_be_rerouted && may_be_known > 0;
    if (rerouted > 0 ? !may_reroute || (rerouted != may_be_rerouted && !all_are_answered)
                     : must_be_rerouted > 0) {
        world_.violate("a SEND was passed on again that should not be, or was not");
        return;
    }
    std::uint64_t number = send.first;
    std::uint64_t routed = 0;
    std::uint64_t into_void = 0;
    send.messages.for_each([&](const wire::Message& sent) {
        const bool is_repeated = number - send.first < repeated;
        const NodeSet holders = current_->holders[number - send.first];
        const bool is_of_history = has_history(number_of(sent.id));
        const bool is_new = is_new_to_history(sent);
        const bool is_answered = all_are_answered && has_key(*message_of(sent.payload));
        Message& message = *find_sent(sent, number);
        if (is_known(message)) {
            if (!is_repeated || message.taken_in == 0) {
                static_cast<void>(note_taken_in(message, number));
            }
        } else if (!is_repeated || (rerouted > 0 && (is_new || !(is_of_history || is_answered)))) {
            routed += static_cast<std::uint64_t>(__builtin_popcountll(holders));
            into_void += holders == 0 ? 1 : 0;
            take_in(message, number, holders);
            if (is_of_history) {
                keep(number_of(sent.id), *message_of(sent.payload));
            }
        }
        ++number;
    });
    if (routed != after.routed - before.routed || into_void != after.into_void - before.into_void) {
        world_.violate("the counters of routed messages do not fit what was in the table");
    }
}

bool Promises::note_taken_in(Message& message, std::uint64_t number) {
    if (message.taken_in >= (message.awaited ? message.sent : 1)) {
        world_.violate(fmt::format("{} was taken in as {} once more", text_of(message), number));
        return false;
    }
    message.sender->taken_in += message.taken_in++ == 0 ? 1 : 0;
    message.sender->last_taken_in = std::max(message.sender->last_taken_in, number);
    return true;
}

void Promises::take_in(Message& message, std::uint64_t number, NodeSet holders) {
    if (!note_taken_in(message, number)) {
        return;
    }
    if (has_key(message.first) && leader_of(message) == nullptr) {
        messages_[message.first].leader = number_in_list(message);
        messages_[message.first].led_in = epochs_.size();
        message.held = static_cast<std::uint32_t>(__builtin_popcountll(holders));
        message.is_told = false;
    }
    for (unsigned slot = 0; slot < records_.size(); ++slot) {
        if ((holders & bit_of(slot)) != 0 && records_[slot].feed != nullptr) {
            records_[slot].feed->routed.push_back(number_in_list(message));
            if (message.awaited) {
                message.routed_to.push_back(records_[slot].feed);
            }
        }
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
        const auto holders =
            static_cast<std::uint32_t>(__builtin_popcountll(current_->holders[index]));
        const wire::Outcome outcome = receipt.outcome(index);
        const std::optional<std::uint32_t> told = outcome.nodes;
        Message* const message = find_sent(sent, receipt.first + index);
        if (message == nullptr) {
            return;
        }
        if (is_known(*message)) {
            if (!is_as_leader(*message, outcome, wire::Confirm::kReceipt)) {
                world_.violate(fmt::format("{} is not said to have the fate of its other copy",
                                           text_of(*message)));
            }
            message->receipts.push_back(told);
            ++index;
            return;
        }
        const bool is_remembered = has_key(*message_of(sent.payload)) && !message->receipts.empty();
        const bool is_as_before = is_remembered ? told == message->receipts.front() : !told;
        if (message->taken_in > 0 ? !is_as_before : told != holders) {
            world_.violate(fmt::format("a receipt of {} nodes, {} hold the id",
                                       told ? fmt::format("{}", *told) : "?", holders));
            return;
        }
        message->receipts.push_back(told);
        ++index;
    });
}

} // namespace zcomet::sim
