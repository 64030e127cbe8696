// Long polls: requests that are answered with the next messages to their ids. Meanwhile each is a
// stream; at the end of the turn in which something came for it, it is one no longer.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/format/stream_format.hpp"

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace zcomet::webnode::stream {

/// How a poll is answered.
struct PollTerms {
    http::AnswerForm form{};
    Time until{}; ///< with no message, if none comes before
};

/// Thread: the worker's loop only.   Memory: some 150 bytes a poll, and what came for it in a turn:
/// a batch of the feed, and an answer from a history.
class Polls final : private connection::CloseListener {
  public:
    /// They live longer than this.
    Polls(connection::Connections& connections, metrics::Counters<slot::WorkerCounter>& counters);
    ~Polls() override;

    void begin(connection::Handle handle, PollTerms terms);
    [[nodiscard]] bool has(connection::Handle handle) const {
        return polls_.contains(handle.packed());
    }
    [[nodiscard]] std::size_t size() const { return polls_.size(); }

    /// For polls that there are. Where it goes on is after the last message with a cursor, and
    /// before that where set_cursor() says.
    void add_message(connection::Handle handle, const format::Message& message);
    void add_gap(connection::Handle handle, const format::Gap& gap);
    void set_cursor(connection::Handle handle, const history::Cursor& cursor);
    /// While a history is asked for what the poll has missed, it has kAskingMax beyond its time.
    void set_asking(connection::Handle handle, bool is_asking);

    struct Answer {
        http::Reply reply;
        http::AnswerForm form;
        std::uint32_t messages = 0;
    };
    /// The poll is over: the caller writes the answer, which may have no messages.
    /// @return nothing: there is no such poll.
    [[nodiscard]] std::optional<Answer> end(connection::Handle handle);

    /// Calls `answer(Handle)` for each poll for which something came, and for those whose time is
    /// over, up to kEndsPerTurn. It calls end(), or closes the connection.
    template <typename AnswerPoll> void turn(Time now, AnswerPoll&& answer);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;

    /// Polls of one moment end in some turns of the loop, of some milliseconds each.
    /// @limit long polls whose time is over that a worker answers in a turn
    static constexpr std::size_t kEndsPerTurn = 256;
    /// @limit time that a long poll waits for a history after its own
    static constexpr Duration kAskingMax = 3s;

  private:
    struct Poll {
        PollTerms terms;
        std::string items{}; // as the format has appended them
        history::Cursor cursor{};
        std::uint32_t messages = 0;
        bool is_asking = false;
        bool has_more_time = false; // its own is over
    };

    void on_close(connection::Handle handle, connection::Connection& connection) override;
    [[nodiscard]] Poll& at(connection::Handle handle) { return polls_.at(handle.packed()); }
    /// @return the poll, which is answered in this turn.
    [[nodiscard]] Poll& begin_answer(connection::Handle handle);
    [[nodiscard]] std::vector<connection::Handle> take_ended(Time now);

    connection::Connections& connections_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    absl::flat_hash_map<std::uint64_t, Poll> polls_;            // by handle, packed
    absl::btree_set<std::pair<Time, std::uint64_t>> deadlines_; // of the same
    std::vector<connection::Handle> ready_;                     // something came for them
    std::string shared_;                                        // of the message in hand
};

template <typename AnswerPoll> void Polls::turn(Time now, AnswerPoll&& answer) {
    for (const connection::Handle handle : std::exchange(ready_, {})) {
        if (has(handle)) {
            answer(handle);
        }
    }
    for (const connection::Handle handle : take_ended(now)) {
        answer(handle);
    }
}

} // namespace zcomet::webnode::stream
