// Streams that go on where they were: what they missed comes from the history of the broker, then
// what comes from the feed, each message once and in order.
//
// A stream catches up when it opens with a cursor, or when its node was without its feed. The
// node's login comes first, then the question, and the broker answers only if it knows the login:
// so each later message is on the feed. Live messages of the stream are held back until the answer
// is there. What both have is known by its position. The stream has caught up once the feed has
// passed the batch that the answer names.
#pragma once

#include "topology/base/time.hpp"
#include "topology/history/cursor.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/owned_ids.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::history {

/// Names a stream while it exists.
using StreamKey = std::uint64_t;

/// Why a stream is told that it missed messages.
enum class GapReason : std::uint8_t {
    kCutOff,  ///< its node was without a feed, and no history can tell what came meanwhile
    kEvicted, ///< the history does not reach back to its cursor
    kEpoch,   ///< its cursor is of another epoch
    kCursor,  ///< its cursor is none
};
/// The reason as streams are told it: "cut-off", "evicted", "epoch", "cursor".
[[nodiscard]] std::string_view name_of(GapReason reason);

/// A message to a stream.
struct StreamMessage {
    std::string_view id;
    std::string_view payload;
    std::string_view attributes;
    Cursor cursor; ///< where a client goes on after it; epoch 0: it has no position
};

/// What catching up does to streams and asks of the broker. A call may end the stream (CatchUp::
/// end()), and no other.
class CatchUpHost {
  public:
    CatchUpHost() = default;
    virtual ~CatchUpHost() = default;
    CatchUpHost(const CatchUpHost&) = delete;
    CatchUpHost& operator=(const CatchUpHost&) = delete;

    virtual void ask(const wire::History& history) = 0;
    virtual void show(StreamKey stream, const StreamMessage& message) = 0;
    /// The stream has missed nothing so far.
    virtual void tell_position(StreamKey stream, const Cursor& cursor) = 0;
    /// It has missed something, and goes on from here.
    virtual void tell_gap(StreamKey stream, GapReason reason, const Cursor& goes_on) = 0;
    /// Whether messages that the node had from its feed are still to come for the stream. They may
    /// be in the history as well, so it has not caught up.
    [[nodiscard]] virtual bool has_under_way(StreamKey stream) const = 0;
    /// From now on its messages come to it without CatchUp::hold(). The node has had all messages
    /// up to `through`, which may be above the positions that its feed had: the history begins
    /// before the login, and goes on while the feed has nothing for the node's ids. When the feed
    /// breaks, streams go on from there.
    virtual void caught_up(StreamKey stream, const Cursor& through) = 0;
    /// Whether the node has shown a message of that origin, whatever its epoch.
    [[nodiscard]] virtual bool was_shown(const wire::Origin& origin) const = 0;
};

/// How a stream begins to catch up.
struct Beginning {
    wire::IdList ids{};          ///< 1 to wire::kHistoryIdsMax
    Cursor cursor{};             ///< where it was; epoch 0: there is no cursor
    bool has_bad_cursor = false; ///< its client gave one that cannot be read
    bool from_earliest = false;  ///< without a cursor: it gets all that is kept
    bool wants_position = false; ///< it is told where it stands before its first message
    bool is_cut_off = false;     ///< its node was without a feed
};

/// Pure: called with the time, it calls its host. Thread: one at a time.
class CatchUp {
  public:
    /// Questions that are under way at a time, or answered and not shown to all their streams:
    /// enough for the broker to have the next one, so few that streams that open meanwhile do not
    /// wait long.
    /// @limit questions for histories that a node has under way, or whose answers it has to show
    static constexpr std::size_t kAsksMax = 64;
    /// @limit bytes of live messages that wait for one stream to catch up
    static constexpr std::size_t kHeldBytesMax = 65'536;
    /// Past that, and past the bound of one stream, the held messages go, and are asked for again.
    /// @limit bytes of live messages that wait for streams of a worker to catch up
    static constexpr std::size_t kHeldSumMax = 16U << 20U;
    /// Messages of histories that streams get in a turn: each is a send() of 5 to 10 µs.
    /// @limit messages of histories that a worker writes in a turn
    static constexpr std::size_t kShownPerTurn = 256;
    /// Streams that begin anew, have caught up, or no longer wait for their question, in a turn:
    /// each takes about a microsecond.
    /// @limit streams that are catching up that a worker looks at in a turn
    static constexpr std::size_t kLooksPerTurn = 1024;
    /// A question or its answer may be lost with a connection, or at the broker's socket.
    /// @limit time that a broker has for an answer, before the node asks again
    static constexpr Duration kAnswerMax = 3s;

    explicit CatchUp(CatchUpHost& host) : host_(host) {}

    void begin(StreamKey stream, const Beginning& beginning);
    /// The stream has closed. Nothing happens if it is not catching up.
    void end(StreamKey stream);
    [[nodiscard]] bool has(StreamKey stream) const { return streams_.contains(stream); }
    [[nodiscard]] std::size_t size() const { return streams_.size(); }

    /// A live message for a stream that is catching up: shown now, later, or not at all, since the
    /// history has it.
    void hold(StreamKey stream, const StreamMessage& message);

    /// The broker can be asked: its feed is live.
    void on_live() { is_live_ = true; }
    /// It cannot. What was asked will be asked again.
    void on_lost();
    /// Another feed has begun, or the feed has let messages go: what streams had from it is not the
    /// whole. Those that are catching up begin anew from where they are, each before anything else
    /// becomes of it; a turn looks at some of them.
    void on_feed_broken();
    void on_kept(const wire::Kept& kept, Time now);
    /// The node has applied the batches of the feed up to this number.
    void on_applied(std::uint64_t number);

    /// Asks, and shows what came.
    void turn(Time now);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;

    /// Bytes of live messages that wait.
    [[nodiscard]] std::size_t held_bytes() const { return held_sum_; }
    /// Times that those of a stream were too many, and went.
    [[nodiscard]] std::uint64_t held_drops() const { return held_drops_; }

  private:
    struct Held {
        std::string id;
        std::string payload;
        std::string attributes;
        Cursor cursor;

        [[nodiscard]] std::size_t bytes() const {
            return sizeof(Held) + id.size() + payload.size() + attributes.size();
        }
    };
    enum class Stage : std::uint8_t {
        kAsking,    ///< an answer is to come; live messages are held
        kFollowing, ///< it has the history up to cursor; later live messages are shown
    };
    struct Stream {
        wire::OwnedIds ids;
        Cursor began; ///< is_cut_off: live messages up to here are still to be shown; epoch 0: none
        Cursor cursor;
        std::uint64_t ask = 0;    // kAsking: its question; an earlier one no longer counts
        std::uint64_t breaks = 0; // of feeds, when it last began
        Stage stage = Stage::kAsking;
        bool has_bad_cursor = false;
        bool from_earliest = false;
        bool wants_position = false;
        bool is_cut_off = false;
        bool is_answered = false; // it was told where it begins
        bool has_lost_held = false;
        bool is_of_other_epoch = false; // it stayed open while the broker began anew
        std::uint64_t feed = 0;         // kFollowing: it has caught up when this batch was applied
        std::deque<Held> held;
        std::size_t held_bytes = 0;
    };
    /// One question, for all streams that have it.
    struct Ask {
        std::uint64_t number = 0;
        wire::OwnedIds ids{};
        Cursor after{};             ///< epoch 0: none
        bool from_earliest = false; ///< without a cursor
        std::vector<StreamKey> streams{};
        std::size_t next = 0; ///< of the streams; those before it have the answer, or do not wait

        [[nodiscard]] bool is_over() const { return next == streams.size(); }
    };
    struct Sent {
        Time at{};
        Ask ask;
    };
    struct KeptMessage {
        wire::Message message;
        std::uint64_t position = 0;
    };
    /// An answer, on its way to streams.
    struct Answer {
        std::string bytes; // of the messages
        wire::Kept kept;   // without them
        std::vector<KeptMessage> messages{};
        Ask ask;
        bool has_begun = false;       // the next stream was told where it begins
        std::size_t next_message = 0; // for that stream
    };

    [[nodiscard]] static std::string key_of(const Ask& ask);
    void join_ask(StreamKey key, Stream& stream);
    void begin_anew(StreamKey key, Stream& stream);
    void begin_some_anew();
    void ask_again(Ask ask);
    void ask_again_for_rest(Answer& answer);
    void ask_unanswered(Time now);
    void drop_held(Stream& stream);
    void send_asks(Time now);
    void send(Ask ask, Time now);
    [[nodiscard]] bool waits_for(StreamKey key, const Ask& ask);
    void give_answers();
    [[nodiscard]] std::size_t give(Answer& answer, std::size_t shown_max);
    [[nodiscard]] bool tell_beginning(StreamKey key, const Answer& answer, bool is_first);
    [[nodiscard]] std::size_t show_kept(StreamKey key, Answer& answer, std::size_t shown_max);
    [[nodiscard]] bool was_shown(const Stream& stream, const wire::Origin& origin,
                                 const Cursor& cursor) const;
    static void go_to_next_stream(Answer& answer);
    void go_on(StreamKey key, const Answer& answer);
    void show_held(StreamKey key, const Answer& answer);
    void finish(StreamKey key);
    void finish_followers();
    void finish_lingering();
    [[nodiscard]] bool has_followers_to_finish() const {
        return !following_.empty() && following_.begin()->first <= applied_;
    }
    /// A stream that missed messages since the last look at it begins anew.
    [[nodiscard]] Stream* find(StreamKey key);

    CatchUpHost& host_;
    bool is_live_ = false;
    std::map<StreamKey, Stream>
        streams_;              // ordered, so that questions have the same order each time
    std::uint64_t breaks_ = 0; // feeds that have broken
    /// The streams from this one on may still have to begin anew; nothing: none has.
    std::optional<StreamKey> anew_from_;
    std::list<Ask> to_send_; // in this order
    /// The questions of to_send_ that streams may join, by ids and cursor.
    absl::flat_hash_map<std::string, std::list<Ask>::iterator> unsent_;
    std::map<std::uint64_t, Sent> sent_; // not answered yet, by token, which rises
    std::deque<Answer> answers_;
    std::uint64_t last_number_ = 0;                           // of an ask, or a token
    Time send_at_ = Time::min();                              // not before
    std::set<std::pair<std::uint64_t, StreamKey>> following_; // by the batch that they wait for
    std::deque<StreamKey> lingering_; // the feed has passed that; messages are under way
    std::size_t looks_left_ = kLooksPerTurn;
    std::uint64_t applied_ = 0;
    std::size_t held_sum_ = 0;
    std::uint64_t held_drops_ = 0;
};

} // namespace zcomet::history
