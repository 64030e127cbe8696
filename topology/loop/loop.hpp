// The loop of a program or of a call that waits: sleeps until one of its sources has something to
// do, and gives it its turn.
//
// A turn of the loop has an order, which is a rule: events of connections come first, then what the
// broker sends, then new connections. Whatever closes connections so comes after the events that
// were collected for them, and a descriptor is given to a new connection only after all of these.
#pragma once

#include "topology/loop/epoll.hpp"
#include "topology/loop/source.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace zcomet::loop {

/// Where a source's turn comes within a turn of the loop. Events of descriptors without a source
/// come before all of them.
enum class Order : std::uint8_t {
    kConnections, ///< what works on connections that are open
    kBroker,      ///< what a broker, or any other process that we know, has to say
    kAccepts,     ///< what may open connections
};

/// Thread: one, for its whole life. What it drives must live until it is taken out by remove(), or
/// until the loop has had its last turn: ending the loop touches no source.
class Loop {
  public:
    /// Descriptors that are too many for a source each (connections) are put into epoll() under
    /// tags of their own, from here up.
    static constexpr std::uint64_t kFirstTag = std::uint64_t{1} << 32U;

    /// Throws std::system_error if the process is out of descriptors.
    Loop() = default;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Drives `source` from now on: its first turn comes without a sleep. Sources of the same order
    /// have their turns as they were added. Not to be called from within a turn().
    /// @return a tag for descriptors that the source itself puts into epoll(): an event under it
    /// gives the source its turn.
    /// Throws std::system_error if the kernel has no room for its descriptors. The source is not in
    /// the loop then.
    std::uint64_t add(Source& source, Order order);
    /// Takes it and its descriptors out. Not to be called from within a turn().
    void remove(Source& source);
    /// Gives the source its next turn without a sleep: for what was done to it outside of its turns
    /// and shows neither in due() nor in a descriptor.
    void wake(Source& source);

    [[nodiscard]] Epoll& epoll() { return epoll_; }

    /// One turn: sleeps until something is to be done or `until` has come, hands the events of
    /// tags from kFirstTag up to `on_event(const epoll_event&, Time now)`, then gives each source
    /// that has something to do its turn. `on_event` is called directly, not through a pointer.
    /// @return the time of this turn.
    /// Throws std::system_error if the kernel has no room for a new descriptor of a source.
    template <typename OnEvent> Time turn(Time until, OnEvent&& on_event);
    Time turn(Time until) {
        return turn(until, [](const epoll_event&, Time) {});
    }

    /// From now on stopped() says whether `fd` has become readable. In the turn that notices it no
    /// source has a turn any more: what ends with us (Ctrl-C reaches a whole group of processes) is
    /// not to be taken for a failure. -1: nothing stops it any more.
    void stop_at(int fd);
    [[nodiscard]] bool stopped() const { return stopped_; }

    /// Turns until `stop_fd` is readable.
    void run(int stop_fd);
    /// Turns until `reached()` is true, or `deadline` has come, or it is stopped.
    /// @return what `reached()` said last.
    template <typename Reached> bool run_until(Reached&& reached, Time deadline);

  private:
    struct Entry {
        Source* source = nullptr; // nullptr: the place is free
        Order order = Order::kConnections;
        bool ready = false; // it gets a turn before the loop sleeps
        std::uint32_t fds_version = 0;
        std::vector<int> fds; // as they are in the epoll set
    };

    /// A source's tag is its place, then the index of the descriptor plus one; 0 is the source's
    /// own. kStopTag is of no source.
    static constexpr unsigned kIndexBits = 16;
    static constexpr std::uint64_t kIndexMask = (std::uint64_t{1} << kIndexBits) - 1;
    static constexpr std::uint64_t kStopTag = kFirstTag - 1;

    [[nodiscard]] std::size_t place_of(const Source& source) const;
    [[nodiscard]] static std::uint64_t tag_of(std::size_t place, std::size_t index);
    void watch(std::size_t place);
    void take_out(std::size_t place);
    /// Looks at what has changed. @return until when to sleep.
    [[nodiscard]] Time prepare(Time until);
    void note_event(std::uint64_t tag);
    void turn_sources(Time now);

    Epoll epoll_;
    std::vector<Entry> entries_;        // by place, which stays
    std::vector<std::size_t> in_order_; // places, as turns come
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
