// The broker's record of each node, its feed, and the messages that are lost when these end.
#include "test/simulation/promises.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace zcomet::sim {

namespace {
/// As the broker tells its nodes.
const Duration kHeartbeat = broker::router::RouterOptions{}.heartbeat_interval;
/// A feed that published a message just after its heartbeat publishes the next one two heartbeats
/// later; the broker looks each tenth of one.
const Duration kFeedSilenceMax = 2 * kHeartbeat + kHeartbeat / 2;
/// A peer that was heard so lately is not gone: its next heartbeat may be on its way.
const Duration kHeardLately = kHeartbeat + kHeartbeat / 4;
} // namespace

/// The frame that the broker is about to handle came over `connection`.
void Promises::note_spoken(std::string_view connection) {
    Spoken& spoken = spoken_[std::string(connection)];
    if (const auto* hello = std::get_if<wire::Hello>(&current_->frame)) {
        spoken.role = hello->role;
        spoken.incarnation = hello->incarnation;
        spoken.said_hello = world_.now();
    }
    spoken.heard = world_.now();
}

bool Promises::is_heard(std::uint64_t incarnation) const {
    const auto connection = connections_.find(incarnation);
    if (connection == connections_.end()) {
        return false;
    }
    const auto spoken = spoken_.find(connection->second);
    return spoken != spoken_.end() && world_.now() < spoken->second.heard + kHeardLately;
}

/// The broker takes the process for dead.
void Promises::check_death(std::uint64_t incarnation) {
    for (const auto& [connection, spoken] : spoken_) {
        const bool is_stranger = connection.front() != 'c'; // see network.cpp
        if (spoken.incarnation == incarnation && !is_stranger &&
            world_.now() < spoken.said_hello + kHeartbeat) {
            world_.violate(
                fmt::format("{:04x} has said HELLO, and is taken for dead", incarnation >> 48U));
        }
    }
}

std::string Promises::connection_of(std::uint64_t incarnation) const {
    return connections_.at(incarnation);
}

/// The answer to a HELLO, which may have had to wait for it.
void Promises::note_welcome(std::string_view connection, std::string_view frame) {
    const Spoken& spoken = spoken_[std::string(connection)];
    connections_[spoken.incarnation] = connection;
    if (spoken.role == wire::Role::kNode) {
        const auto decoded = wire::decode(frame, wire::Role::kNode);
        const auto& welcome = std::get<wire::Welcome>(std::get<wire::Frame>(decoded));
        note_feed(std::get<wire::NodeWelcome>(welcome.part), spoken.incarnation, connection);
    }
}

void Promises::note_feed(const wire::NodeWelcome& welcome, std::uint64_t node,
                         std::string_view connection) {
    Record* const record = find_record(node);
    if (record == nullptr) {
        world_.violate("a WELCOME for a node that the broker does not know");
        return;
    }
    record->connection = connection;
    const std::uint64_t incarnation = welcome.feed_incarnation;
    if (record->feed != nullptr) {
        if (record->feed->incarnation != incarnation) {
            world_.violate("a WELCOME names another feed than the one before");
        }
        return;
    }
    Feed& feed = feeds_.emplace_back();
    feed.node = record->node;
    feed.incarnation = incarnation;
    feed.epoch = broker_->epoch();
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
    feed->published_at = world_.now();
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

/// A broker that did not run for a while begins anew: its next heartbeats count.
void Promises::check_feeds_go_on() {
    const bool has_paused = last_turn_ + kHeartbeat < world_.now();
    last_turn_ = world_.now();
    for (const Record& record : records_) {
        if (record.feed == nullptr || record.feed->published_at == Time::min()) {
            continue;
        }
        if (has_paused) {
            record.feed->published_at = world_.now();
        } else if (record.feed->published_at + kFeedSilenceMax < world_.now()) {
            world_.violate(fmt::format("the feed of n{} has fallen silent", record.node->slot));
        }
    }
}

void Promises::note_lag(const broker::router::RouterEvent& event) {
    if (Record* const record = find_record(event.incarnation)) {
        record->is_left_behind = event.kind == broker::router::RouterEvent::Kind::kBehind;
        left_behind_ += record->is_left_behind ? 1 : 0;
    }
}

/// Only the case in which no other node can be the reason.
void Promises::check_nobody_waits() {
    const std::uint64_t withheld = broker_->counter(broker::table::BrokerCounter::kCreditsWithheld);
    const bool all_are = std::all_of(records_.begin(), records_.end(), [](const Record& record) {
        return record.node == nullptr || record.is_left_behind;
    });
    if (all_left_behind_ && all_are && withheld > withheld_) {
        world_.violate("credit is held back for a node that was left behind");
    }
    all_left_behind_ = all_are;
    withheld_ = withheld;
}

void Promises::note_joined(const broker::router::RouterEvent& event) {
    const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](const NodeAccount& known) {
        return known.incarnation == event.incarnation;
    });
    Record& record = records_[slot_of(event.name)];
    if (record.node != nullptr) {
        world_.violate("a node joined under a name that another one has");
    }
    record = {&*node, nullptr, {}, false};
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
