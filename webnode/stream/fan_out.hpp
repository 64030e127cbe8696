// Messages under way to ids with more streams than one turn of the loop should serve. A message to
// 100,000 streams takes a second to write; other messages should not wait that long.
#pragma once

#include "webnode/slot/worker_counters.hpp"
#include "webnode/stream/message_set.hpp"
#include "webnode/stream/stream_table.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace zcomet::webnode::stream {

/// Thread: the worker's loop only. Each id's messages keep their order; ids take turns.
class FanOuts {
  public:
    FanOuts(StreamTable& table, metrics::Counters<slot::WorkerCounter>& counters)
        : table_(table), counters_(counters) {}
    ~FanOuts();
    FanOuts(const FanOuts&) = delete;
    FanOuts& operator=(const FanOuts&) = delete;

    /// Whether messages to `id` are under way: then later ones must queue().
    [[nodiscard]] bool has(std::string_view id) const { return by_id_.contains(id); }

    /// These `messages` to `id` are still to be written to its streams from `position` on. has()
    /// must be false for the id.
    void begin(std::string_view id, StreamPosition position,
               std::span<const format::Message> messages);

    /// A further message to an id for which has() is true. Streams that open before its turn comes
    /// get it, too.
    void queue(const format::Message& message);

    /// Writes to streams of one id until they have cost `most`; calls
    /// `write(Handle, Connection&, MessageSet&)` for each, which may close that stream, and no
    /// other, and may return its cost, as in StreamTable::for_some_streams().
    template <typename Write> void work(std::size_t most, Write&& write);

    /// Forgets all messages under way and in queues.
    /// @return how many chunks that were: messages, times the streams that did not get them.
    std::uint64_t abandon();

    /// Calls `visit(const format::Message&)` for each message under way or in the queue of `id`
    /// whose number is in (after, through]. The views live until the next call that is not const.
    template <typename Visit>
    void for_each_kept(std::string_view id, std::uint64_t after, std::uint64_t through,
                       Visit&& visit) const;

    [[nodiscard]] bool empty() const { return turns_.empty(); }
    /// Ids with messages under way.
    [[nodiscard]] std::size_t size() const { return by_id_.size(); }
    /// Of all messages under way and in queues.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    /// A message as it is kept; its id is the fan-out's.
    struct Kept {
        std::string text;
        std::string attributes;
        history::Cursor cursor;
        std::uint64_t number;

        [[nodiscard]] std::size_t bytes() const { return text.size() + attributes.size(); }
    };
    struct FanOut {
        std::string id;
        StreamPosition position = store::kNoIndex;
        MessageSet messages; // under way, together: the first of `kept`
        std::deque<Kept> kept;

        /// Messages that wait for those under way.
        [[nodiscard]] std::size_t waiting() const { return kept.size() - messages.size(); }
    };

    [[nodiscard]] std::uint64_t chunks_left(const FanOut& fan_out, StreamPosition position,
                                            std::size_t first, std::size_t last) const;
    const Kept& keep(FanOut& fan_out, const format::Message& message);
    [[nodiscard]] static format::Message message_of(const FanOut& fan_out, const Kept& kept);
    void begin_waiting(FanOut& fan_out);
    void drop_first(FanOut& fan_out, std::size_t count);
    void finish(FanOut& fan_out);

    StreamTable& table_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    absl::flat_hash_map<std::string_view, std::unique_ptr<FanOut>> by_id_; // keys are FanOut::id
    std::deque<FanOut*> turns_;
    std::size_t bytes_ = 0;
};

template <typename Visit>
void FanOuts::for_each_kept(std::string_view id, std::uint64_t after, std::uint64_t through,
                            Visit&& visit) const {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) {
        return;
    }
    for (const Kept& kept : found->second->kept) {
        if (kept.number > after && kept.number <= through) {
            visit(message_of(*found->second, kept));
        }
    }
}

template <typename Write> void FanOuts::work(std::size_t most, Write&& write) {
    if (turns_.empty()) {
        return;
    }
    FanOut& fan_out = *turns_.front();
    turns_.pop_front();
    // The position is held, but all streams that are removed now are before it.
    fan_out.position = table_.for_some_streams(
        fan_out.position, most, [&](connection::Handle handle, connection::Connection& connection) {
            return write(handle, connection, fan_out.messages);
        });
    if (fan_out.position == store::kNoIndex) {
        begin_waiting(fan_out);
    }
    if (fan_out.messages.empty()) {
        finish(fan_out);
    } else {
        turns_.push_back(&fan_out);
    }
}

} // namespace zcomet::webnode::stream
