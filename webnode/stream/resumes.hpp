// Streams that go on where they were: their cursors, and what they missed while the node was
// without a feed. The rules are those of history::CatchUp; this writes to the streams.
#pragma once

#include "topology/history/catch_up.hpp"
#include "topology/history/patterns.hpp"
#include "topology/session/history_source.hpp"
#include "topology/wire/owned_ids.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/format/formats.hpp"
#include "webnode/stream/fan_out.hpp"
#include "webnode/stream/polls.hpp"
#include "webnode/stream/stream_opener.hpp"
#include "webnode/stream/stream_table.hpp"

#include <absl/container/flat_hash_set.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::webnode::stream {

/// Thread: the worker's loop only.
class Resumes final : private history::CatchUpHost, private connection::CloseListener {
  public:
    /// They live longer than this.
    /// @param tells_cut_offs  streams are told of gaps for which their node is the reason.
    Resumes(connection::Connections& connections, const StreamTable& streams,
            session::HistorySource& source, metrics::Counters<slot::WorkerCounter>& counters,
            bool tells_cut_offs = true);
    ~Resumes() override;

    /// The broker has begun a feed.
    /// @param cursor  where the node was with the feed before; epoch 0: there was none.
    void on_feed_begun(const wire::HistoryTerms& history, const history::Cursor& cursor);
    /// The broker let messages of the feed go, all of them after `cursor`.
    void on_shed(const history::Cursor& cursor);
    /// Whether streams of `id` find what they missed in a history.
    [[nodiscard]] const history::Patterns& with_history() const { return with_history_; }

    /// Messages may be under way to very many streams; `fan_outs` lives longer than this.
    void look_at(const FanOuts& fan_outs) { fan_outs_ = &fan_outs; }

    /// The connection has become a stream of these ids.
    void on_open(connection::Handle handle, const wire::IdList& ids, const Beginning& beginning);

    /// A live message for a stream that is catching up, or for a poll.
    void hold(connection::Handle handle, const format::Message& message);
    /// The stream is one no longer, and its connection stays.
    void end(connection::Handle handle) { catch_up_.end(handle.packed()); }

    /// What comes for polls goes there. It lives longer than this.
    void use(Polls& polls) { polls_ = &polls; }

    void on_live() { catch_up_.on_live(); }
    void on_lost() { catch_up_.on_lost(); }
    void on_kept(const wire::Kept& kept, Time now) { catch_up_.on_kept(kept, now); }
    void on_applied(std::uint64_t number) { catch_up_.on_applied(number); }

    void turn(Time now);
    [[nodiscard]] Time due() const { return is_beginning() ? Time::min() : catch_up_.due(); }

    /// Streams of a node with very many begin to catch up in some turns. Until then nothing may
    /// come from the next feed: the streams would take it for what they have missed.
    [[nodiscard]] bool is_beginning() const { return beginning_.has_value(); }
    /// A stream costs about a microsecond.
    /// @limit streams of a node that was cut off that begin to catch up in a turn
    static constexpr std::uint32_t kBeginsPerTurn = 1024;

    /// Streams that are catching up.
    [[nodiscard]] std::size_t size() const { return catch_up_.size(); }
    [[nodiscard]] std::size_t held_bytes() const { return catch_up_.held_bytes(); }
    [[nodiscard]] std::uint64_t held_drops() const { return catch_up_.held_drops(); }

  private:
    void ask(const wire::History& history) override;
    void show(history::StreamKey stream, const history::StreamMessage& message) override;
    void tell_position(history::StreamKey stream, const history::Cursor& cursor) override;
    void tell_gap(history::StreamKey stream, history::GapReason reason,
                  const history::Cursor& goes_on) override;
    void caught_up(history::StreamKey stream, const history::Cursor& through) override;
    [[nodiscard]] bool was_shown(const wire::Origin& origin) const override;
    [[nodiscard]] bool has_under_way(history::StreamKey stream) const override;

    [[nodiscard]] bool has_history(const wire::IdList& ids) const;
    void on_close(connection::Handle handle, connection::Connection& connection) override;
    void cut_off(history::Cursor cursor);
    void begin_some(std::uint32_t count);
    void begin_all();
    void begin(connection::Handle handle, connection::Connection& stream);

    connection::Connections& connections_;
    const StreamTable& streams_;
    session::HistorySource& source_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    bool tells_cut_offs_;
    [[nodiscard]] bool is_poll(connection::Handle handle) const {
        return polls_ != nullptr && polls_->has(handle);
    }

    const FanOuts* fan_outs_ = nullptr; // nullptr: nothing is ever under way
    Polls* polls_ = nullptr;            // nullptr: there are none
    history::CatchUp catch_up_{*this};
    history::Patterns with_history_;
    /// Streams that are still to begin to catch up.
    struct Beginnings {
        history::Cursor cursor;
        std::uint32_t slot = 0; // of the table: streams below it have begun
        /// Handles, packed, of those above it that have opened since, and missed nothing.
        absl::flat_hash_set<std::uint64_t> newcomers{};
    };
    std::optional<Beginnings> beginning_;
    history::Cursor reached_; // the node has had all messages up to here, by what has caught up
    wire::OwnedIds ids_;      // of the stream in hand
    std::string shared_;      // of the message in hand
    std::string bytes_;       // for the stream in hand
};

} // namespace zcomet::webnode::stream
