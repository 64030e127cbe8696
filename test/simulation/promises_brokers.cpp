#include "test/simulation/promises_brokers.hpp"

#include "test/simulation/frame_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace zcomet::sim {

ClusterPromises::ClusterPromises(World& world, const std::vector<std::string>& ids,
                                 cluster::Placement placement)
    : world_(world), ids_(ids), placements_{std::move(placement)}, messages_(1) {
    for (IdNumber id = 0; id < ids.size(); ++id) {
        id_numbers_[ids[id]] = id;
    }
}

ClusterPromises::Node& ClusterPromises::add_node() {
    Node& node = nodes_.emplace_back();
    node.is_steady.assign(ids_.size(), false);
    return node;
}

ClusterPromises::Sender& ClusterPromises::add_sender() {
    Sender& sender = senders_.emplace_back();
    sender.index = static_cast<std::uint32_t>(senders_.size() - 1);
    touch(sender);
    return sender;
}

IdNumber ClusterPromises::number_of(std::string_view id) const {
    return id_numbers_.at(std::string(id));
}

void ClusterPromises::touch_broker(std::size_t broker) {
    for (Sender& sender : senders_) {
        touch(sender, broker);
    }
}

void ClusterPromises::touch_all() {
    for (Sender& sender : senders_) {
        touch(sender);
    }
    for (Node& node : nodes_) {
        trouble(node);
    }
}

bool ClusterPromises::was_at(std::string_view id, std::size_t broker) const {
    return std::any_of(placements_.begin(), placements_.end(),
                       [id, broker](const cluster::Placement& placement) {
                           return placement.brokers_of(id).contains(broker);
                       });
}

void ClusterPromises::on_calm() {
    placements_.erase(placements_.begin(), std::prev(placements_.end()));
    for (Sender& sender : senders_) {
        sender.touched.reset();
    }
}

std::string ClusterPromises::text_of(const Message& message) const {
    return fmt::format("message #{} to id {}", number_in_list(message), ids_[message.id]);
}

// ---- Senders -----------------------------------------------------------------------------------

void ClusterPromises::on_sent(Sender& sender, std::uint64_t ticket, IdNumber id,
                              wire::Confirm confirm, bool is_ordered) {
    ++world_.totals().messages;
    sender.messages.push_back(messages_.size());
    if (ticket != sender.messages.size()) {
        world_.violate(fmt::format("a sender gave its message {} the number {}",
                                   sender.messages.size(), ticket));
    }
    Message& message = messages_.emplace_back();
    message.sender = &sender;
    message.id = id;
    message.confirm = confirm;
    message.is_ordered = is_ordered;
}

void ClusterPromises::on_frame_sent(const Sender& sender, std::size_t broker,
                                    const wire::Send& send) {
    send.messages.for_each([&](const wire::Message& sent) {
        Message& message = messages_[message_of(sent.payload).value_or(0)];
        ++message.sent;
        message.sent_to.set(broker);
        if (!was_at(sent.id, broker)) {
            world_.violate(fmt::format("{} goes to broker {}, which has not its id",
                                       text_of(message), broker));
        }
        if (placements_.size() > 1) {
            return;
        }
        const cluster::BrokerNumbers brokers = placements_.front().brokers_of(sent.id);
        const auto* const used = std::find(brokers.begin(), brokers.end(), broker);
        for (const auto* before = brokers.begin(); before != used; ++before) {
            if (!sender.touched.test(*before)) {
                world_.violate(fmt::format("{} goes to broker {}, and nothing has happened to {}",
                                           text_of(message), broker, *before));
            }
        }
    });
}

ClusterPromises::Message* ClusterPromises::answered_now(const Sender& sender, std::uint64_t ticket,
                                                        wire::Confirm confirm) {
    if (ticket == 0 || ticket > sender.messages.size()) {
        world_.violate(fmt::format("an answer for number {}, which was not sent", ticket));
        return nullptr;
    }
    Message& message = messages_[sender.messages[ticket - 1]];
    if (message.confirm != confirm || message.is_answered) {
        world_.violate(fmt::format("{} is answered {}", text_of(message),
                                   message.is_answered ? "once more" : "and should not be"));
        return nullptr;
    }
    message.is_answered = true;
    return &message;
}

void ClusterPromises::on_receipt(const Sender& sender, std::uint64_t ticket,
                                 const wire::Outcome& outcome) {
    const Message* const message = answered_now(sender, ticket, wire::Confirm::kReceipt);
    if (message != nullptr && !outcome.nodes && message->sent < 2) {
        world_.violate(
            fmt::format("{} was sent once, and its receipt says nothing", text_of(*message)));
    }
}

void ClusterPromises::on_unknown(const Sender& sender, std::uint64_t ticket) {
    static_cast<void>(answered_now(sender, ticket, wire::Confirm::kReceipt));
}

void ClusterPromises::on_acknowledged(const Sender& sender, std::uint64_t ticket,
                                      const wire::Outcome& outcome) {
    const Message* const message = answered_now(sender, ticket, wire::Confirm::kAcknowledgement);
    if (message == nullptr) {
        return;
    }
    ++world_.totals().acknowledged;
    const std::uint32_t nodes = outcome.nodes.value_or(0);
    if (nodes > message->shown_by) {
        world_.violate(fmt::format("{} is acknowledged by {} nodes, {} have shown it",
                                   text_of(*message), nodes, message->shown_by));
    }
    if (outcome.nodes == 0U && message->sent_to.count() > 1) {
        world_.violate(fmt::format("{} went to {} brokers, and no node is said to have it",
                                   text_of(*message), message->sent_to.count()));
    }
    if (!outcome.nodes && message->sent < 2) {
        world_.violate(
            fmt::format("{} was sent once, and nobody knows where it arrived", text_of(*message)));
    }
    check_shown_by_steady(number_in_list(*message));
}

void ClusterPromises::check_shown_by_steady(std::uint64_t number) {
    const Message& message = messages_[number];
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const Node& node = nodes_[i];
        if (node.is_alive && node.is_steady[message.id] && !node.shown.contains(number)) {
            world_.violate(fmt::format("{} is not shown by node process {}, which has held its id "
                                       "all the time",
                                       text_of(message), i));
        }
    }
}

std::uint64_t ClusterPromises::unanswered(const Sender& sender,
                                          const std::function<bool(IdNumber)>& is_asked) const {
    return static_cast<std::uint64_t>(
        std::count_if(sender.messages.begin(), sender.messages.end(), [&](std::uint64_t number) {
            const Message& message = messages_[number];
            return message.confirm == wire::Confirm::kAcknowledgement && !message.is_answered &&
                   is_asked(message.id);
        }));
}

void ClusterPromises::check_probes() {
    for (std::uint64_t number = first_probe_; number < messages_.size(); ++number) {
        check_shown_by_steady(number);
    }
}

// ---- Nodes -------------------------------------------------------------------------------------

void ClusterPromises::on_shown(Node& node, std::size_t broker, const wire::MessageList& messages) {
    messages.for_each([&](const wire::Message& message) { note_shown(node, broker, message); });
}

void ClusterPromises::note_shown(Node& node, std::size_t broker, const wire::Message& shown) {
    ++world_.totals().shown;
    const std::uint64_t number = message_of(shown.payload).value_or(0);
    if (number == 0 || number >= messages_.size() || ids_[messages_[number].id] != shown.id) {
        return world_.violate(fmt::format("a node shows what nobody sent to id {}", shown.id));
    }
    Message& message = messages_[number];
    if (!node.shown.insert(number).second) {
        return world_.violate(fmt::format("a node shows {} twice", text_of(message)));
    }
    if (!was_at(shown.id, broker)) {
        world_.violate(
            fmt::format("{} comes from broker {}, which has not its id", text_of(message), broker));
    }
    ++message.shown_by;
    if (message.confirm == wire::Confirm::kAcknowledgement) {
        check_order(node, message, number);
    }
}

void ClusterPromises::check_order(Node& node, const Message& message, std::uint64_t number) {
    const std::uint64_t key = message.sender->index * ids_.size() + message.id;
    std::uint64_t& last = node.last_awaited[key];
    if (number < last && node.is_steady[message.id] && message.is_ordered) {
        world_.violate(fmt::format("a node shows {} after #{}", text_of(message), last));
    }
    last = std::max(last, number);
}

} // namespace zcomet::sim
