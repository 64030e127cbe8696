// A sender with several brokers: which of them gets a message, and what goes to another one when a
// broker is away.
//
// A message goes to the first of its id's brokers that is alive. When that broker is given up, what
// awaits an acknowledgement goes to the next one under the name that it had (wire::Origin), so that
// a node shows it once, whichever copy comes first. What asked for less is not sent again: whether
// it was passed on will never be known, and the program is told so.
//
// When the list of brokers changes, an id may get another first broker. Messages to it wait until
// all that went by way of the one before are acknowledged.
//
// Acknowledged messages of one sender to one id keep their order. Those that are sent again go
// before new ones; and when the first broker is back, it gets messages only once all that went by
// way of others are acknowledged.
#pragma once

#include "topology/base/time.hpp"
#include "topology/cluster/placement.hpp"
#include "topology/session/sender_events.hpp"
#include "topology/session/sender_session.hpp"
#include "topology/wire/frames.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::session {

/// With one broker it passes everything on as it is.   Thread: that of the sessions.
class Failover {
  public:
    /// @limit time without a word from one of several brokers after which a sender uses another one
    static constexpr Duration kSilenceMax = 1s;
    /// Above that no message is accepted. What sessions give up comes on top: of each at most
    /// SenderSession::kUnacknowledgedBytesMax.
    /// @limit bytes of messages that wait to go to another broker
    static constexpr std::size_t kAgainBytesMax = 8U << 20U;

    /// @param events  lives longer than this.
    /// @param silence_max  time without a word from a broker after which another one is used.
    Failover(SenderEvents& events, cluster::Placement placement,
             Duration silence_max = kSilenceMax);
    ~Failover();
    Failover(const Failover&) = delete;
    Failover& operator=(const Failover&) = delete;

    /// What the session with `broker` has to be made with.
    [[nodiscard]] SenderEvents& events_of(std::size_t broker);
    /// Call it for each broker, before the session starts; it lives longer than the last call, or
    /// until retire().
    void use(std::size_t broker, SenderSession& session);

    /// Goes by another placement, in which those brokers that were known have the same numbers.
    /// The others need use().
    void change(cluster::Placement placement);
    /// Whether nothing is under way of what was sent before the last change().
    [[nodiscard]] bool has_moved() const { return !move_; }
    /// Whether the broker has nothing under way, and no answer of it is awaited.
    [[nodiscard]] bool is_idle(std::size_t broker) const;
    /// Forgets the session of a broker that is idle, and without ids by the placement.
    void retire(std::size_t broker);

    /// Whether one of the id's brokers is alive.
    [[nodiscard]] bool has_broker(std::string_view id) const { return broker_of(id).has_value(); }
    /// As SenderSession::can_send(), for a message to that id; and less than kAgainBytesMax wait to
    /// go to another broker.
    [[nodiscard]] bool can_send(std::string_view id, std::size_t message_bytes) const;
    /// As SenderSession::send(). @return the message's number, by which SenderEvents tell of it.
    std::uint64_t send(std::string_view id, std::string_view payload, wire::Confirm confirm,
                       std::string_view attributes);

    /// Asks the first living broker of `id`. Without one the question is lost.
    void ask(std::string_view id, const wire::Query& query);
    void ask(std::string_view id, const wire::History& history);

    /// Gives up brokers that seem to be away, takes those back that are there again, and sends
    /// messages of the former to others. To be called before the sessions' ticks.
    void tick(Time now);

    /// How many messages were given to send() and are neither taken in nor counted as unconfirmed.
    [[nodiscard]] std::uint64_t not_taken_in() const;
    [[nodiscard]] std::uint64_t unacknowledged() const;
    /// Of all sessions.
    [[nodiscard]] SenderSessionCounters counters() const;
    /// Messages that went to another broker.
    [[nodiscard]] std::uint64_t failed_over() const { return failed_over_; }

  private:
    enum class Health : std::uint8_t {
        kAlive,
        kAway,
        kReturning, ///< it is there again; what others have for its ids is not acknowledged
    };
    class Events;
    /// Which message the number of a session stands for.
    struct Ticket {
        std::uint64_t number = 0; ///< of the session
        std::uint64_t ticket = 0; ///< ours; 0: answered
    };
    struct Broker {
        SenderSession* session = nullptr;
        std::unique_ptr<Events> events{};
        Health health = Health::kAway;
        bool was_lost = false;         ///< since the last look, even if it has welcomed us again
        std::deque<Ticket> receipts{}; ///< awaited, by rising numbers
        std::deque<Ticket> acknowledgements{}; ///< likewise
        /// kReturning: of each broker, the last number that it must have acknowledged.
        std::vector<std::uint64_t> awaited{};
    };
    /// From change() until nothing is under way that was sent before it.
    struct Move {
        cluster::Placement before;
        bool follows_another = false;         ///< that was not over: ids may have moved by either
        std::vector<std::uint64_t> numbers{}; ///< by broker: of the last message before
        bool is_acknowledged = false;         ///< all up to those numbers
    };
    /// A message that goes to another broker.
    struct Again {
        std::uint64_t ticket = 0;
        wire::Origin origin{}; ///< none: it was never sent
        Unsettled::Message message;
    };

    [[nodiscard]] bool is_alone() const { return brokers_.size() == 1; }
    [[nodiscard]] std::optional<std::size_t> broker_of(std::string_view id) const;
    [[nodiscard]] std::optional<std::size_t> first_alive(const cluster::Placement& placement,
                                                         std::string_view id) const;
    /// Whether messages to `id` have to wait because it has moved to `broker`.
    [[nodiscard]] bool waits_for_move(std::string_view id, std::size_t broker) const;
    [[nodiscard]] bool has_to_wait(std::string_view id, std::size_t broker) const {
        return waits_for_return(id, broker) || waits_for_move(id, broker);
    }
    void add_brokers(std::size_t count);
    void adopt_numbers();
    void look_at_move();
    [[nodiscard]] std::vector<std::uint64_t> last_numbers() const;
    [[nodiscard]] SenderSession* session_to_ask(std::string_view id) const;
    /// Whether messages to `id` have to wait for its first broker, which is coming back.
    [[nodiscard]] bool waits_for_return(std::string_view id, std::size_t broker) const;
    void look_at(std::size_t broker, Time now);
    void give_up(std::size_t broker, Time now);
    [[nodiscard]] static std::size_t bytes_of(const Again& again);
    void put_in_order(Again again);
    void tell_unknown(Broker& broker, const Unsettled& unsettled);
    void begin_return(std::size_t broker);
    /// Whether all messages up to those numbers are, by broker.
    [[nodiscard]] bool is_acknowledged(const std::vector<std::uint64_t>& numbers) const;
    void send_again();
    [[nodiscard]] bool send_one_again(std::size_t broker, Again& again);
    void note(std::size_t broker, std::uint64_t number, wire::Confirm confirm,
              std::uint64_t ticket);
    [[nodiscard]] std::uint64_t take_receipt(std::size_t broker, std::uint64_t number);
    [[nodiscard]] std::uint64_t take_acknowledgement(std::size_t broker, std::uint64_t number);

    SenderEvents& events_;
    cluster::Placement placement_;
    Duration silence_max_;
    std::vector<Broker> brokers_;
    std::optional<Move> move_;
    SenderSessionCounters retired_; // of sessions that are gone
    std::deque<Again> again_;       // by rising tickets: in the order in which they were sent first
    /// How many of them go to an id. New messages to it have to wait.
    std::map<std::string, std::uint32_t, std::less<>> again_to_;
    std::size_t again_bytes_ = 0;
    std::uint64_t last_ticket_ = 0;
    std::uint64_t failed_over_ = 0;
    std::string attributes_; // of the message in hand
};

} // namespace zcomet::session
