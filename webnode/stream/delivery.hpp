// From the feed to the streams: finds the streams of each message's id and writes the chunks.
#pragma once

#include "topology/wire/frames.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/stream/fan_out.hpp"
#include "webnode/stream/merge.hpp"
#include "webnode/stream/message_set.hpp"
#include "webnode/stream/resumes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::stream {

/// Thread: the worker's loop only. Its scratch memory is kept from batch to batch: in a steady
/// state a message costs no allocation, and one send() for each of its streams.
///
/// A message goes at once to the first streams of its id, nearly always all of them. The other
/// streams get it in later turns of the loop, so that messages to other ids come in between.
class Delivery {
  public:
    Delivery(connection::Connections& connections, StreamTable& streams,
             metrics::Counters<slot::WorkerCounter>& counters);

    /// Writes each message to the streams of its id. Several messages to one id are written
    /// together, in their order, with one send() for each stream. Streams that do not read, or are
    /// gone, are closed.
    void deliver(const wire::MessageList& messages);

    /// Streams that are catching up get their messages by way of `resumes`; it lives longer than
    /// this.
    void hold_for(Resumes& resumes) {
        resumes_ = &resumes;
        resumes.look_at(fan_outs_);
    }
    /// The broker has begun a feed.
    void on_feed_begun(const wire::HistoryTerms& history) {
        cursor_ = {history.epoch, history.position};
    }
    /// Where the node is with the present feed: it has had all messages up to here.
    [[nodiscard]] const history::Cursor& cursor() const { return cursor_; }

    /// Continues messages under way to ids with many streams, and begins a new turn. Call it once a
    /// turn.
    void work();
    /// Whether a message is under way: then the loop should not sleep.
    [[nodiscard]] bool unfinished() const { return !fan_outs_.empty(); }
    /// Whether this turn has room for another batch. A batch that is not taken holds its senders
    /// back.
    [[nodiscard]] bool can_take() const;

    /// Gives up all messages under way, and counts them as dropped.
    /// @return how many chunks that were.
    std::uint64_t abandon();

  private:
    /// A message to be shown, with its id's index, which sorts faster than the text.
    struct Item {
        store::IdIndex id;
        std::uint64_t number; // keeps the order within an id
        std::string_view name;
        std::string_view text;
        std::string_view attributes = {};
        std::string_view event = {};
        std::uint64_t position = 0; // in the history; 0: none
    };

    void collect(const wire::MessageList& messages);
    [[nodiscard]] format::Message message_of(const Item& item) const;
    void deliver_to_id(std::span<const Item> items);
    /// The same messages for all streams of an id. @return the cost, in sends.
    [[nodiscard]] std::size_t give(connection::Handle stream, connection::Connection& connection,
                                   MessageSet& messages);
    /// Puts them among those of the stream's other ids.
    void merge(connection::Handle stream, const MessageSet& messages);
    /// @return the cost, in sends.
    std::size_t write_merged(std::size_t fan_outs);
    /// @param places  of the messages in the set.   @return the cost, in sends.
    [[nodiscard]] std::size_t write_to(connection::Handle stream,
                                       connection::Connection& connection, MessageSet& messages,
                                       std::span<const std::uint32_t> places);
    [[nodiscard]] std::span<const std::uint32_t> all_places(const MessageSet& messages);

    connection::Connections& connections_;
    StreamTable& streams_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    FanOuts fan_outs_;
    Resumes* resumes_ = nullptr;
    history::Cursor cursor_;
    std::size_t sends_left_; // of this turn
    std::vector<Item> items_;
    MessageSet messages_; // to the id in hand
    Merge merge_;
    std::vector<std::uint32_t> places_; // 0, 1, …
    std::string chunks_;                // for the stream in hand
    std::vector<std::uint32_t> chunk_ends_;
};

} // namespace zcomet::webnode::stream
