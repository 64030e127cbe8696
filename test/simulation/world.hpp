// What all parts of a simulated cluster share: the clock, random numbers, future events, and the
// verdict.
#pragma once

#include "test/simulation/random.hpp"
#include "topology/base/time.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::sim {

/// The faults that a schedule causes in a cluster.
enum class Fault : std::uint8_t {
    kCutBoth,          ///< a link is dead both ways for a while
    kCutOneWay,        ///< a link is dead in one direction for a while
    kBreak,            ///< a connection is reset; both ends hear of it soon
    kHalfOpen,         ///< a connection is gone; one end learns that late
    kFeedDrop,         ///< one message of a feed is dropped, as PUB may
    kReplyDrop,        ///< the ROUTER would not take one frame
    kNodeCrash,        ///< a node dies, and is started anew
    kNodeLeave,        ///< a node says GOODBYE, and is started anew
    kSenderCrash,      ///< a sender dies, and is started anew
    kBrokerCrash,      ///< the broker dies, and is started anew
    kHostLoss,         ///< a process vanishes without its kernel telling the other end
    kStall,            ///< a process does not run for a while
    kBusy,             ///< a node does not take in its feed for a while
    kNameTaken,        ///< a second process starts with a living node's name
    kRepeatedSend,     ///< a sender sends a frame twice
    kTurnedChange,     ///< a LOGIN comes to the broker as a LOGOUT, or the other way round
    kForgedNumber,     ///< a sender's connection brings a number that jumps
    kLyingLedger,      ///< a node's HEARTBEAT comes with other counts
    kTakeover,         ///< a stranger says HELLO with a living peer's incarnation
    kIntrusion,        ///< somebody with another key tries to be a living process
    kStrayUnsubscribe, ///< the broker hears that a subscription ended which did not
    kCount,
};
inline constexpr auto kFaults = static_cast<std::size_t>(Fault::kCount);
inline constexpr std::array<std::string_view, kFaults> kFaultNames = {
    "cut both ways",     "cut one way",   "broken",       "half open",    "feed drop",
    "reply drop",        "node crash",    "node leave",   "sender crash", "broker crash",
    "host loss",         "stall",         "busy node",    "name taken",   "repeated send",
    "turned change",     "forged number", "lying ledger", "takeover",     "intrusion",
    "stray unsubscribe",
};
static_assert(!kFaultNames.back().empty(), "each fault needs its name");

/// Counted over any number of schedules. Plain numbers, since processes add them up in shared
/// memory.
struct Totals {
    std::uint64_t schedules = 0;
    std::uint64_t violations = 0;
    std::uint64_t first_violation = 0; ///< the seed of the first violation
    std::uint64_t frames = 0;
    std::uint64_t messages = 0;
    std::uint64_t shown = 0;
    std::uint64_t shed = 0;
    std::uint64_t acknowledged = 0; ///< messages whose senders learned where they arrived
    std::uint64_t duplicates = 0;   ///< messages that nodes did not show again
    std::uint64_t copies = 0;       ///< messages that a second sender sent, too
    std::uint64_t failed_over = 0;  ///< messages that went to another broker
    std::uint64_t kept = 0;         ///< messages that brokers kept
    std::uint64_t resumed = 0;      ///< streams that came back with a cursor
    std::uint64_t gaps = 0;         ///< that streams were told of
    /// The sum of World::record()'s hashes over all schedules: equal totals of two builds mean that
    /// every frame was the same, at the same time.
    std::uint64_t trace_hash = 0;
    std::array<std::uint64_t, kFaults> faults{};

    void add(const Totals& more);
};

class World {
  public:
    static constexpr Time kStart = Time{} + 1h;

    World(std::uint64_t seed, bool tracing)
        : random_(seed), more_random_(~seed), history_random_(seed + kHistorySeed),
          copy_random_(seed + kCopySeed), key_random_(seed + kKeySeed), tracing_(tracing) {}

    [[nodiscard]] Time now() const { return now_; }
    [[nodiscard]] Random& random() { return random_; }
    /// For features added later, so that a seed still gives the earlier ones the same numbers.
    [[nodiscard]] Random& more_random() { return more_random_; }
    /// For histories and their streams: a schedule without them goes as it did before there were
    /// any.
    [[nodiscard]] Random& history_random() { return history_random_; }
    /// For messages that a second sender sends, likewise.
    [[nodiscard]] Random& copy_random() { return copy_random_; }
    /// For what strangers with keys do, likewise.
    [[nodiscard]] Random& key_random() { return key_random_; }
    [[nodiscard]] Totals& totals() { return totals_; }

    /// `action` happens at `time`, or now if that is past; actions at the same time happen in the
    /// order of the calls.
    void at(Time time, std::function<void()> action);
    void after(Duration delay, std::function<void()> action) {
        at(now_ + delay, std::move(action));
    }
    /// Runs all events up to the time `until`, then sets the clock to it; stops at a violation.
    void run(Time until);

    /// A promise was broken. Only the first call counts.
    void violate(const std::string& what);
    [[nodiscard]] bool violated() const { return !violation_.empty(); }
    [[nodiscard]] const std::string& violation() const { return violation_; }

    /// Whether note() prints; if not, callers need not make its line.
    [[nodiscard]] bool tracing() const { return tracing_; }
    void note(const std::string& line) const;
    void count(Fault fault, const std::string& on_what);

    /// A frame is sent now: its time and bytes become part of the schedule's trace hash.
    void record(std::string_view frame);

  private:
    static constexpr std::uint64_t kHistorySeed = std::uint64_t{6} << 56U;
    static constexpr std::uint64_t kCopySeed = std::uint64_t{7} << 56U;
    static constexpr std::uint64_t kKeySeed = std::uint64_t{8} << 56U;
    struct Event {
        Time time;
        std::uint64_t order;
        std::function<void()> action;
    };
    /// Whether `a` happens later than `b`.
    static bool later(const Event& a, const Event& b) {
        return a.time != b.time ? a.time > b.time : a.order > b.order;
    }

    Time now_ = kStart;
    Random random_;
    Random more_random_;
    Random history_random_;
    Random copy_random_;
    Random key_random_;
    bool tracing_;
    std::vector<Event> events_; // a heap, the next first
    std::uint64_t next_order_ = 0;
    std::string violation_;
    Totals totals_;
};

} // namespace zcomet::sim
