// A node's conversation with one broker, without sockets: HELLO and WELCOME, heartbeats, the feed,
// and its logins (login_reporter.hpp). docs/PROTOCOL.md, sections 4.1 to 4.3, 4.6 and 4.7, from the
// node's side.
#pragma once

#include "topology/base/time.hpp"
#include "topology/feed/feed_reader.hpp"
#include "topology/feed/gather.hpp"
#include "topology/session/login_reporter.hpp"
#include "topology/session/node.hpp"
#include "topology/session/wires.hpp"
#include "topology/wire/frames.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::session {

/// Counted by a session since it began.
struct NodeSessionCounters {
    std::uint64_t batches_applied = 0;
    std::uint64_t messages_received = 0;
    std::uint64_t gaps = 0;
    std::uint64_t repeats = 0;
    std::uint64_t messages_lost = 0; ///< shed by the broker, which said so
    std::uint64_t duplicates = 0;    ///< sent again, and not delivered: shown before
    std::uint64_t bad_frames = 0;    ///< from the broker; ignored
    std::uint64_t lists_sent = 0;
    std::uint64_t lost_brokers = 0;
    std::uint64_t cut_offs = 0;        ///< times that a feed began in the place of another one
    std::uint64_t streams_cut_off = 0; ///< open at those times
    std::uint64_t cut_off_ms = 0;      ///< without a feed before those times
    std::uint64_t feed_reconnects = 0; ///< times that the SUB was connected anew for its silence

    NodeSessionCounters& operator+=(const NodeSessionCounters& other);
};

class NodeSession {
  public:
    /// Everything that it refers to must live longer than it does.
    /// @param broker       which of the node's brokers it talks to (Placement).
    /// @param broker_host  host part of the address the broker was reached at, which replaces `*`,
    ///     `0.0.0.0` or `[::]` in the feed endpoint of the WELCOME.
    NodeSession(Node& node, std::size_t broker, Wires& wires, FeedWires& feed_wires,
                std::string broker_host);

    /// Says HELLO. Call once.
    void start(Time now);

    /// The socket has a connection that it did not have before: says HELLO at once instead of at
    /// the next try or, after a restart of the broker, at the next heartbeat.
    void on_connected(Time now);

    /// Node::list() has changed: tells the broker, by a HELLO more.
    void tell_list(Time now);

    /// A frame came over the DEALER, or the second frame of a message over the SUB.
    void on_broker_frame(std::string_view frame, Time now);
    void on_feed_frame(std::string_view frame, Time now);
    /// The feed has a batch that the node is too busy to receive: the feed is not silent.
    void on_feed_waiting(Time now) {
        note_feed(now);
        heard_whole_feed_ = now;
    }

    /// The first stream of `id` opened, or its last one closed. Sent by a later tick().
    void login(std::string_view id) { logins_.login(id); }
    void logout(std::string_view id) { logins_.logout(id); }

    /// Sends waiting logins and logouts at once and asks the broker to say when it has applied
    /// them; logins_applied() then tells. While the broker is away the question waits.
    void confirm_logins(Time now);
    /// Whether the broker has applied everything up to the last confirm_logins(), and no change
    /// waits.
    [[nodiscard]] bool logins_applied() const { return logins_.applied(); }
    /// Whether the broker had no room for some of the ids. Until it has, it passes on no messages
    /// to those ids, and logins_applied() is false.
    [[nodiscard]] bool logins_refused() const { return logins_.refused(); }

    /// Sent once all logins are, so that the broker knows those that it is about. If the broker is
    /// lost before, it is not sent.
    void ask(const wire::History& history);

    /// Sends what is due: logins and logouts, heartbeats, acknowledgements, HELLO again.
    void tick(Time now);
    /// When tick() next has something to do; kNever before start().
    [[nodiscard]] Time due() const;

    /// Sends what is waiting and GOODBYE. The session is over.
    void goodbye(Time now);

    [[nodiscard]] bool live() const { return state_ == State::kLive; }
    /// Whether it has not been live for the liveness time, or never was: what is sent to the node's
    /// ids is lost. A broker that is back within that time leaves no such gap. A WELCOME alone
    /// makes a session live again whose feed it knows, so silence of the feed counts by itself.
    [[nodiscard]] bool is_cut_off(Time now) const {
        return (!live() && live_until_ + liveness_ <= now) || is_feed_silent(now);
    }
    /// Whether messages come through, as far as a node can tell: within two heartbeats the broker
    /// has answered, and its feed was heard and lacked nothing. Each side is heard once a
    /// heartbeat.
    [[nodiscard]] bool is_in_touch(Time now) const {
        return live() && now < std::min(logins_.list_under_way() ? kNever : heard_broker_,
                                        heard_whole_feed_) +
                                   2 * heartbeat_interval_;
    }
    [[nodiscard]] const NodeSessionCounters& counters() const { return counters_; }

  private:
    enum class State : std::uint8_t { kIdle, kGreeting, kWelcomed, kLive, kOver };

    [[nodiscard]] std::string hello() const;
    void say_hello(Time now);
    [[nodiscard]] bool is_feed_silent(Time now) const { return feed_seen_ + liveness_ <= now; }
    void note_feed(Time now) {
        heard_feed_ = now;
        feed_seen_ = now;
        feed_quiet_since_ = now;
    }
    void connect_feed();
    void answer(const wire::Query& query);
    void on_welcome(const wire::Welcome& welcome, Time now);
    void on_error(const wire::ErrorFrame& error, Time now);
    void act_on(const feed::FeedReader::Outcome& outcome, const wire::Batch& batch,
                std::size_t batch_bytes);
    void apply(const wire::MessageList& messages);
    void deliver(const wire::MessageList& messages);
    void begin_feed(const wire::HistoryTerms& history, bool had_one, Time now);
    void note_cut_off(Time now);
    [[nodiscard]] wire::NodeLedger counted_since_feed_began();
    [[nodiscard]] wire::NodeLedger ledger(Time now);
    void become_live_if_ready();
    void lose(Time now);
    void lose_for_long(Time now);
    void forget_broker();
    [[nodiscard]] Time heard() const;
    void send_heartbeat(Time now);
    [[nodiscard]] Time heartbeat_due() const;
    [[nodiscard]] Time feed_reconnect_due() const;
    [[nodiscard]] bool welcomed() const {
        return state_ == State::kWelcomed || state_ == State::kLive;
    }

    Node& node_;
    std::size_t broker_;
    NodeEvents& events_; // of the node
    Wires& wires_;
    FeedWires& feed_wires_;
    std::string broker_host_;
    std::string broker_name_;
    std::string feed_endpoint_;
    bool has_feed_endpoint_ = false; // whether it is one that we connect to
    State state_ = State::kIdle;
    feed::FeedReader feed_;
    wire::NodeLedger ledger_before_; // when the present feed began
    std::uint64_t carried_over_ = 0; // messages of earlier feeds that waited for their turn then
    LoginReporter logins_;           // hears of the broker while that has welcomed us
    bool hello_unanswered_ = false;
    Duration heartbeat_interval_ = 1s;
    Duration liveness_ = 3s;
    Time next_heartbeat_ = kNever;
    Time heard_broker_ = Time::min();
    Time last_batch_ = Time::min();     // of a feed of ours, or the WELCOME of the first one
    std::uint64_t streams_cut_off_ = 0; // when the present feed began
    std::uint64_t cut_off_ms_ = 0;
    Time feed_seen_ = Time::min();  // the last batch that came, or waited
    Time live_until_ = Time::min(); // while it is not live: when the broker was last heard
    Time heard_feed_ = Time::min(); // or the WELCOME after which it is to be heard
    Time heard_whole_feed_ =
        Time::min(); // the last batch that came, or waited, with nothing missing
    /// The last batch, or the connection of the SUB or the feed itself if they are younger.
    Time feed_quiet_since_ = Time::min();
    std::size_t unacknowledged_bytes_ = 0;
    bool acknowledge_soon_ = false; // a sender waits for it
    feed::GatherWindow acknowledge_gather_{feed::kAcknowledgeGatherWindow};
    std::vector<bool> is_unseen_;        // of the batch in hand
    std::vector<std::string> questions_; // HISTORY frames that wait for logins
    NodeSessionCounters counters_;
};

} // namespace zcomet::session
