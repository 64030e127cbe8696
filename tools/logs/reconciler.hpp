// Compares sent messages with received ones: names every message that a stream misses, has twice,
// or has out of order.
//
// Only the sent messages are kept, 24 bytes each, sorted by id, sender and number. A stream is then
// a position in its id's messages for each sender. A message at that position is the next; one
// further on leaves a gap; one before it either fills a gap, out of order, or came twice. So
// received messages are read once and not kept, and a run without faults costs nothing but
// positions.
#pragma once

#include "tools/logs/message_log.hpp"
#include "topology/base/result.hpp"
#include "topology/store/id_table.hpp"

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace zcomet::tools::logs {

struct Finding {
    enum class Kind : std::uint8_t {
        kMissing,    ///< the stream was open, and it did not come
        kTwice,      ///< it came once more than it should
        kOutOfOrder, ///< it came after one that was sent later
        kUnsent,     ///< it came, but is not in the sender's log for this id
    };
    Kind kind = Kind::kMissing;
    std::string_view sender;
    std::uint64_t number = 0;
    std::string_view id;
    std::size_t log = 0; ///< which received log, from 0
    std::uint64_t stream = 0;
    std::string_view reason; ///< of kMissing: what the logs say of it; otherwise empty
    /// Of kMissing: the stream was told, after it was sent, that it missed messages, and had none
    /// that was sent later before that. So the gap stands where the message would.
    bool told = false;
};

/// "missing", "twice", "out-of-order", "unsent".
[[nodiscard]] std::string_view name_of(Finding::Kind kind);

struct ReconcileTotals {
    std::uint64_t sent = 0;      ///< messages
    std::uint64_t no_stream = 0; ///< of these: while no stream of their id was open, and none came
    std::uint64_t streams = 0;
    std::uint64_t received = 0; ///< by all streams together
    std::uint64_t others = 0;   ///< of these: from senders without a log
    std::uint64_t at_edge = 0;  ///< did not come, but the stream had just opened, or closed at once
    std::uint64_t missing = 0;
    std::uint64_t told = 0; ///< of these: Finding::told
    std::uint64_t gaps = 0; ///< times that streams were told of one
    std::uint64_t twice = 0;
    std::uint64_t out_of_order = 0;
    std::uint64_t unsent = 0;

    /// @param allows_gaps  a message may be missing if its stream was told so.
    [[nodiscard]] bool balanced(bool allows_gaps = false) const {
        return missing - (allows_gaps ? told : 0) + twice + out_of_order + unsent == 0;
    }
};

/// Call add_sent() for all sent lines, then, for each received log, add_received() for its lines
/// and end_log().   Thread: one.
class Reconciler {
  public:
    using OnFinding = std::function<void(const Finding&)>;

    /// @param grace_ns    a message that was sent less than this after its stream opened, or before
    ///     it closed, need not have come: a login takes a moment to reach the broker, and so does a
    ///     message to reach the stream.
    /// @param on_finding  called for each finding; its views live until it returns.
    Reconciler(std::uint64_t grace_ns, OnFinding on_finding);

    /// Errors: the sender's numbers do not rise.
    [[nodiscard]] Status add_sent(const SentLine& line);

    /// Errors: a stream that opens twice, or that has a line before it opens.
    [[nodiscard]] Status add_received(const StreamLine& line);
    /// Streams that are still open are taken to have been open until the last line.
    void end_log();

    /// After the last log.
    [[nodiscard]] const ReconcileTotals& finish();

  private:
    using Position = std::uint32_t; // in sent_

    struct Sent {
        std::uint64_t number;
        std::uint64_t time_ns;
        store::IdIndex id;
        std::uint16_t sender; // index in senders_
        Fate fate;
        bool had_stream; // some stream of its id was open, or got it
    };
    static_assert(sizeof(Sent) == 24, "very many are kept");

    struct Range {
        Position begin = 0;
        Position end = 0;
    };

    /// A message that a stream does not have.
    struct Hole {
        /// The stream's own numbers show that the web node had it and dropped it.
        bool dropped = false;
        bool told = false; ///< Finding::told
    };
    /// The messages of one sender to the stream's id, as the stream has them.
    struct Track {
        store::IdIndex sender = 0;
        Range range;                           // of these messages
        Position begin = 0;                    // of the messages that it may have
        Position next = 0;                     // behind the newest that it has
        bool has_some = false;                 // of them
        std::uint32_t told = 0;                // Stream::told when it got the newest
        absl::btree_map<Position, Hole> holes; // before `next`
    };

    struct Stream {
        store::IdIndex id = store::kNoIndex; // kNoIndex: nothing was sent to it
        std::uint64_t opened_ns = 0;
        std::uint32_t told = 0;    // how often it was told that it missed messages
        std::uint64_t told_ns = 0; // when it was last told
        std::uint32_t numbers = 0; // the highest N so far
        std::vector<Track> tracks;
    };

    void sort_sent();
    [[nodiscard]] Range range_of(store::IdIndex id) const;
    [[nodiscard]] Range range_of(store::IdIndex id, store::IdIndex sender) const;
    [[nodiscard]] std::optional<Position> find(const Track& track, std::uint64_t number) const;
    [[nodiscard]] Track& track_of(Stream& stream, store::IdIndex sender) const;

    [[nodiscard]] Status open(const StreamLine& line);
    void on_got(Stream& stream, const StreamLine& line);
    void place(const StreamLine& line, const Stream& stream, Track& track, Position position,
               std::uint32_t skipped);
    [[nodiscard]] bool is_told(const Stream& stream, const Track& track, Position position) const;
    void close(std::uint64_t number, Stream& stream, std::uint64_t closed_ns);
    void judge(std::uint64_t stream_number, const Stream& stream, std::uint64_t closed_ns,
               Position position, Hole hole);
    void report(Finding::Kind kind, const StreamLine& line);

    std::uint64_t grace_ns_;
    OnFinding on_finding_;
    std::vector<Sent> sent_;
    bool sorted_ = false;
    store::IdTable ids_;
    store::IdTable senders_;
    std::vector<std::uint64_t> last_numbers_;            // by sender, while sent lines are read
    std::vector<Position> first_of_id_;                  // and one more, behind the last
    absl::flat_hash_map<std::uint64_t, Stream> streams_; // of the log in hand
    std::size_t log_ = 0;
    std::uint64_t last_time_ns_ = 0; // of the log in hand
    ReconcileTotals totals_;
};

} // namespace zcomet::tools::logs
