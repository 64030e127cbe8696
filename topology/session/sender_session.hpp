// A sender's conversation with one broker, without sockets: numbering, gathering, the window of
// bytes that may be under way, receipts. docs/PROTOCOL.md, sections 4.1, 4.3 and 4.5, from the
// sender's side.
#pragma once

#include "topology/base/time.hpp"
#include "topology/feed/gather.hpp"
#include "topology/session/sender_events.hpp"
#include "topology/session/wires.hpp"
#include "topology/wire/frames.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::session {

/// What a sender had not settled with a broker that it gives up.
struct Unsettled {
    struct Message {
        std::uint64_t number = 0;
        wire::Confirm confirm = wire::Confirm::kNothing;
        std::string id;
        std::string payload;
        std::string attributes;
        bool was_sent = false; ///< then it awaits an acknowledgement
    };
    /// Another broker can have them, by rising numbers: what becomes of them is not known, and a
    /// node shows them once; or they were never sent. Of all others nothing more will be known.
    std::vector<Message> messages;
};

struct SenderSessionCounters {
    std::uint64_t messages_sent = 0; ///< handed to the socket

    SenderSessionCounters& operator+=(const SenderSessionCounters& other);
    std::uint64_t frames_sent = 0;
    std::uint64_t messages_resent = 0; ///< of those that await an acknowledgement; each time counts
    std::uint64_t unconfirmed = 0;     ///< sent, but not credited when the broker was lost
    std::uint64_t bad_frames = 0;      ///< from the broker, unasked answers included; ignored
    std::uint64_t lost_brokers = 0;
};

class SenderSession {
  public:
    /// @param gather  how long a busy sender waits for more messages; 0: each tick() sends.
    SenderSession(Wires& wires, SenderEvents& events, std::uint64_t incarnation, std::string name,
                  Duration gather = feed::kSenderGatherWindow);

    /// Which list of brokers the program goes by. Call it before start().
    void use_list(const wire::ListMark& list) { list_ = list; }
    /// Goes by another list: tells the broker, by a HELLO more.
    void tell_list(const wire::ListMark& list, Time now);

    /// There are other brokers for its messages, so that it is worth to know soon that this one is
    /// away.
    /// @param silence_max  time without a word from the broker after which it is_suspect(); but not
    ///     less than its heartbeat interval, since it answers no more than two heartbeats in one.
    void watch_closely(Duration silence_max);
    [[nodiscard]] bool watches_closely() const { return silence_max_ > Duration::zero(); }
    /// Whether the broker may be away: it has not been heard for that time, or the socket has had
    /// no connection for kReconnectMax. Only for those that watch closely.
    [[nodiscard]] bool is_suspect(Time now) const;
    /// Whether the socket has a connection. To be told in each turn by those that watch closely.
    void on_connection(bool is_connected, Time now);
    /// Gives the broker up, as if it were lost: nothing is sent to it again but HELLO, until it
    /// welcomes us.
    [[nodiscard]] Unsettled give_up(Time now);
    /// @limit time that a sender with several brokers waits for a lost connection to come back
    static constexpr Duration kReconnectMax = 100ms;

    /// Says HELLO. Call once.
    void start(Time now);

    /// The socket had refused a frame because it had no connection, and has one now: says HELLO at
    /// once instead of at the next try, unless the broker knows us.
    void on_connected(Time now);

    void on_broker_frame(std::string_view frame, Time now);

    /// Whether send() may be called: the broker has welcomed us, the window has room, and nothing
    /// has to be sent again first.
    /// @param message_bytes  of that message: wire::message_bytes(). A message larger than the
    ///     whole window may go when nothing else is under way.
    [[nodiscard]] bool can_send(std::size_t message_bytes) const;

    /// Takes one message; this tick() or a later one sends it.
    /// @param id       valid (topology/wire/id.hpp).
    /// @param payload  at most wire::kPayloadBytesMax bytes; copied.
    /// @param confirm  which answer the sender wants. A message that awaits an acknowledgement is
    ///     kept, and sent again if the broker is lost or does not answer; a node shows it once.
    /// @param attributes  wire::encode(); copied.
    /// @return the message's number. can_send() must hold for it.
    std::uint64_t send(std::string_view id, std::string_view payload,
                       wire::Confirm confirm = wire::Confirm::kNothing,
                       std::string_view attributes = {});

    /// Asks the broker at once; welcomed() must hold. Tokens tell the answers apart: they come as
    /// SenderEvents::on_answer() and on_kept(). A question that is lost with a connection, or whose
    /// answer is, has none.
    void ask(const wire::Query& query);
    void ask(const wire::History& history);

    /// No more messages are expected soon: those that wait need not be gathered further, and go
    /// with the next tick().
    void hurry() { hurries_ = true; }

    /// Sends what is due: waiting messages, heartbeats, HELLO again.
    void tick(Time now);
    /// When tick() next has something to do; kNever before start().
    [[nodiscard]] Time due() const;
    /// Sends waiting messages at once, without gathering further, and asks the broker to say what
    /// it has taken in. For the end of a run of sends, not for each of them.
    void flush(Time now);

    /// Sends what is waiting and GOODBYE. The session is over.
    void goodbye(Time now);

    [[nodiscard]] bool welcomed() const { return state_ == State::kWelcomed; }
    /// Whether messages can be sent, once the window has room: it is welcomed, and nothing tells
    /// that the broker's table still lacks nodes.
    [[nodiscard]] bool is_ready() const { return welcomed() && settled(); }
    /// Whether the broker has taken in everything that was sent.
    [[nodiscard]] bool all_taken_in() const { return not_taken_in() == 0; }
    /// How many messages were given to send() and are neither taken in nor counted as unconfirmed.
    [[nodiscard]] std::uint64_t not_taken_in() const;
    [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
    /// Of the last message given to send(); 0: there was none.
    [[nodiscard]] std::uint64_t last_number() const { return last_number_; }
    /// Whether a message with that number, or an earlier one, is not taken in.
    [[nodiscard]] bool has_under_way(std::uint64_t through) const;
    /// Calls `visit` for each message whose answer has not come: those that await receipts by their
    /// numbers, and likewise those that await acknowledgements.
    void for_each_awaited(
        const std::function<void(std::uint64_t number, wire::Confirm confirm)>& visit) const;
    /// How many messages await an acknowledgement.
    [[nodiscard]] std::uint64_t unacknowledged() const { return unacknowledged_messages_; }
    /// Bytes of these messages and of the records that keep them; above that no message is
    /// accepted.
    /// @limit bytes of a sender that await an acknowledgement
    static constexpr std::size_t kUnacknowledgedBytesMax = 8U << 20U;
    [[nodiscard]] const SenderSessionCounters& counters() const { return counters_; }

  private:
    enum class State : std::uint8_t { kIdle, kGreeting, kWelcomed, kOver };
    struct Sent {
        std::uint64_t last_number = 0;
        std::uint32_t bytes = 0;
        std::uint32_t messages = 0;
        bool is_kept = false; // among the unacknowledged
    };
    /// A frame that asked for a receipt.
    struct AwaitedReceipt {
        std::uint64_t first = 0;
        std::uint32_t messages = 0;
    };
    /// A frame that is kept until it is acknowledged.
    struct Unacknowledged {
        std::uint64_t first = 0;
        std::uint32_t messages = 0;
        std::string frame; // empty: acknowledged, but an earlier one is not
        Time sent_at;
    };

    [[nodiscard]] std::string hello() const;
    void say_hello(Time now);
    void on_credit(std::uint64_t through);
    void on_welcome(const wire::Welcome& welcome, Time now);
    void on_error(const wire::ErrorFrame& error, Time now);
    void lose(Time now);
    void forget_under_way();
    [[nodiscard]] Duration heartbeat_interval_of(Duration wanted) const;
    void finish_frame(Time now);
    void put_under_way(std::string frame, std::uint64_t first, std::uint32_t messages,
                       bool is_kept);
    void await_receipt(std::uint64_t first, std::uint32_t messages);
    void on_receipt(const wire::Receipt& receipt);
    void on_acknowledged(const wire::Acknowledged& acknowledged);
    void send_due(Time now);
    void send_again(Time now);
    [[nodiscard]] bool has_room(std::size_t frame_bytes) const;
    [[nodiscard]] bool open_frame_may_go() const;
    /// When the open frame has waited long enough for more messages.
    [[nodiscard]] Time gathered_at() const { return hurries_ ? Time::min() : gather_.due(); }
    [[nodiscard]] bool sends_again() const { return next_again_ < unacknowledged_.size(); }
    [[nodiscard]] Time answer_overdue() const;
    [[nodiscard]] std::uint64_t last_sent() const { return last_number_ - open_.count(); }
    [[nodiscard]] bool settled() const { return settled_at_ == Time::min(); }
    void send_heartbeat(Time now);
    /// When is_suspect() becomes true; kNever if nothing tells that.
    [[nodiscard]] Time suspect_at() const;

    Wires& wires_;
    SenderEvents& events_;
    std::uint64_t incarnation_;
    std::string name_;
    wire::ListMark list_;
    State state_ = State::kIdle;
    std::uint64_t broker_incarnation_ = 0;
    /// After a broker was lost, it or its successor may not know all its nodes yet. Nothing is sent
    /// before this time, since messages would be lost.
    Time settled_at_ = Time::min();
    wire::MessageFrameWriter open_{wire::MessageFrameWriter::Form::kSend};
    wire::Confirm open_confirm_ = wire::Confirm::kNothing;
    std::uint64_t last_number_ = 0; // of the last message taken
    std::deque<Sent> under_way_;    // frames sent, not credited
    std::size_t under_way_bytes_ = 0;
    std::deque<AwaitedReceipt> receipts_awaited_; // by rising numbers
    std::deque<Unacknowledged> unacknowledged_;   // by rising numbers
    std::size_t unacknowledged_bytes_ = 0;
    std::uint64_t unacknowledged_messages_ = 0; // the open frame's included
    static constexpr std::size_t kNothingAgain = SIZE_MAX;
    std::size_t next_again_ = kNothingAgain; // place in unacknowledged_ of the next to send again
    std::size_t window_bytes_ = 0;
    feed::GatherWindow gather_;
    bool hurries_ = false; // the open frame
    Duration heartbeat_interval_ = 1s;
    Duration liveness_ = 3s;
    Duration silence_max_ = Duration::zero(); // 0: it does not watch closely
    Time disconnected_ = kNever;              // since then
    Time next_heartbeat_ = kNever;
    Time heard_ = Time::min();
    Time last_tick_ = Time::min();
    SenderSessionCounters counters_;
    Duration broker_interval_ = Duration::zero(); // between heartbeats, as the broker wants them
};

} // namespace zcomet::session
