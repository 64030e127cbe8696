// The loop of a program, or of a call that waits: sleeps until one of its sources has something to
// do, and gives that source its turn.
//
// The order within a turn is a rule: first events of connections, then the broker, then new
// connections. So a connection is closed only after its own events of this turn were handled, and a
// new connection gets its descriptor only after all of these.
#pragma once

#include "topology/loop/epoll.hpp"
#include "topology/loop/source.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace zcomet::loop {

/// When a source has its turn within a turn of the loop. Events of descriptors without a source
/// come before all sources.
enum class Order : std::uint8_t {
    kConnections, ///< works on open connections
    kBroker,      ///< hears a broker, or another process that we know
    kAccepts,     ///< may open connections
};

/// Thread: one, for its whole life. A source must live until remove(), or until the last turn of
/// the loop: the loop's destructor touches no source.
class Loop {
  public:
    /// Connections are too many for a source each. Their descriptors are added to epoll() with tags
    /// of their own, from this one up.
    static constexpr std::uint64_t kFirstTag = std::uint64_t{1} << 32U;

    /// Throws std::system_error if the process is out of descriptors.
    Loop() = default;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Drives `source` from now on: its first turn comes without a sleep. Sources of the same order
    /// have their turns in the order they were added. Not to be called from within a turn().
    /// @return a tag for descriptors that the source itself adds to epoll(): an event with this tag
    /// gives the source its turn.
    /// Throws std::system_error if the kernel has no room for its descriptors. The source is not in
    /// the loop then.
    std::uint64_t add(Source& source, Order order);
    /// Removes it and its descriptors. Not to be called from within a turn().
    void remove(Source& source);
    /// Gives the source its next turn without a sleep. Needed when the source was changed outside
    /// of its turns and neither due() nor a descriptor shows that.
    void wake(Source& source);

    [[nodiscard]] Epoll& epoll() { return epoll_; }

    /// One turn: sleeps until there is something to do or `until` has come, passes events with tags
    /// from kFirstTag up to `on_event(const epoll_event&, Time now)`, then gives each source that
    /// has something to do its turn. `on_event` is called directly, not through a pointer.
    /// @return the time of this turn.
    /// Throws std::system_error if the kernel has no room for a new descriptor of a source.
    template <typename OnEvent> Time turn(Time until, OnEvent&& on_event);
    Time turn(Time until) {
        return turn(until, [](const epoll_event&, Time) {});
    }

    /// From now on stopped() says whether `fd` has become readable. In the turn that notices it no
    /// source has a turn any more: a process that ends together with us (Ctrl-C reaches a whole
    /// process group) must not look like a failure. -1: nothing stops the loop.
    void stop_at(int fd);
    [[nodiscard]] bool stopped() const { return stopped_; }

    /// Turns until `stop_fd` is readable.
    void run(int stop_fd);
    /// Turns until `reached()` is true, `deadline` has come, or the loop is stopped.
    /// @return the last result of `reached()`.
    template <typename Reached> bool run_until(Reached&& reached, Time deadline);

  private:
    struct Entry {
        Source* source = nullptr; // nullptr: the place is free
        Order order = Order::kConnections;
        bool ready = false; // it gets a turn before the loop sleeps
        std::uint32_t fds_version = 0;
        std::vector<int> fds; // those in the epoll set
    };

    /// A source's tag is its place, then the index of the descriptor plus one; index 0 stands for
    /// the source itself. kStopTag belongs to no source.
    static constexpr unsigned kIndexBits = 16;
    static constexpr std::uint64_t kIndexMask = (std::uint64_t{1} << kIndexBits) - 1;
    static constexpr std::uint64_t kStopTag = kFirstTag - 1;

    [[nodiscard]] std::size_t place_of(const Source& source) const;
    [[nodiscard]] static std::uint64_t tag_of(std::size_t place, std::size_t index);
    void watch(std::size_t place);
    void take_out(std::size_t place);
    /// Looks for changes. @return until when to sleep.
    [[nodiscard]] Time prepare(Time until);
    void note_event(std::uint64_t tag);
    void turn_sources(Time now);

    Epoll epoll_;
    std::vector<Entry> entries_;        // by place, which stays
    std::vector<std::size_t> in_order_; // places, in the order of turns
    int stop_fd_ = -1;
    bool stopped_ = false;
    bool turning_ = false; // sources are having their turns
};

template <typename OnEvent> Time Loop::turn(Time until, OnEvent&& on_event) {
    const Time wake_at = prepare(until);
    const auto events = epoll_.wait(Clock::now(), wake_at);
    const Time now = Clock::now();
    for (const epoll_event& event : events) {
        if (event.data.u64 >= kFirstTag) {
            on_event(event, now);
        } else {
            note_event(event.data.u64);
        }
    }
    if (!stopped_) {
        turn_sources(now);
    }
    return now;
}

template <typename Reached> bool Loop::run_until(Reached&& reached, Time deadline) {
    while (!reached()) {
        if (stopped_ || Clock::now() >= deadline) {
            return false;
        }
        turn(deadline);
    }
    return true;
}

} // namespace zcomet::loop
