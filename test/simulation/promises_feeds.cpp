// The broker's record of each node, its feed, and the messages that are lost when these end.
#include "test/simulation/promises.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace zcomet::sim {

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

void Promises::note_acknowledgement(std::uint64_t incarnation, std::uint64_t through) {
    for (const Record& record : records_) {
        if (record.feed == nullptr || record.connection != current_->connection ||
            record.feed->incarnation != incarnation) {
            continue;
        }
        Feed& feed = *record.feed;
        while (feed.acknowledged < std::min<std::uint64_t>(through, feed.batch_bytes.size())) {
            feed.unacknowledged_bytes -= feed.batch_bytes[feed.acknowledged++];
        }
    }
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

void Promises::note_joined(const broker::router::RouterEvent& event) {
    const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](const NodeAccount& known) {
        return known.incarnation == event.incarnation;
    });
    Record& record = records_[slot_of(event.name)];
    if (record.node != nullptr) {
        world_.violate("a node joined under a name that another one has");
    }
    record = {&*node, nullptr, {}};
}

/// The record of a node that is being removed is gone already.
void Promises::note_shed(const broker::router::RouterEvent& event) {
    const Record* const record = find_record(event.incarnation);
    for (Feed& feed : feeds_) {
        const bool gone = std::find(removed_.begin(), removed_.end(), &feed) != removed_.end();
        if ((record != nullptr && record->feed == &feed) ||
            (gone && feed.node->incarnation == event.incarnation)) {
            feed.shed += event.count;
        }
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

/// Messages that a node did not get before the broker forgot it are lost, but must be counted.
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

} // namespace zcomet::sim
