// Promises to nodes and their streams: logins stay in the table, and messages are shown once and in
// order.
#include "test/simulation/frame_text.hpp"
#include "test/simulation/promises.hpp"
#include "topology/wire/attributes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace zcomet::sim {

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
        const std::uint64_t number = message_of(shown.payload).value_or(0);
        const std::uint64_t position = wire::read_attributes(shown.attributes).position;
        Message* const message = find_message(shown, position);
        if (message == nullptr || world_.violated()) {
            return;
        }
        if (has_history(message->id) && !is_kept_at({feed->epoch, position}, number)) {
            world_.violate(fmt::format("{} comes with a wrong position", text_of(*message)));
        }
        const auto is_next = [&] { return messages_[feed->routed[feed->applied]].first == number; };
        for (; feed->applied < feed->routed.size() && !is_next() &&
               node.awaited_shown.contains(feed->routed[feed->applied]);
             ++feed->applied) {
            ++feed->shown_before;
        }
        if (feed->applied >= feed->routed.size() || !is_next()) {
            world_.violate(fmt::format("n{} shows {}, but the next on its feed is {}", node.slot,
                                       text_of(*message),
                                       feed->applied < feed->routed.size()
                                           ? text_of(messages_[feed->routed[feed->applied]])
                                           : "nothing"));
            return;
        }
        note_shown(node, *feed, messages_[feed->routed[feed->applied++]], shown);
    });
}

void Promises::note_shown(NodeAccount& node, const Feed& feed, Message& message,
                          const wire::Message& shown) {
    ++world_.totals().shown;
    const wire::Origin origin{message.sender->incarnation, message.number};
    if (shown.origin != (message.awaited ? origin : wire::Origin{})) {
        world_.violate(fmt::format("{} comes with the wrong origin", text_of(message)));
    }
    const bool is_once_more =
        (message.awaited && !node.awaited_shown.insert(number_in_list(message)).second) ||
        (has_key(message.first) && !node.keyed_shown.insert({feed.epoch, message.first}).second);
    if (is_once_more) {
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

} // namespace zcomet::sim
