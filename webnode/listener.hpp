// A worker's listening socket: accepts in batches, and knows when to stop for a while.
#pragma once

#include "topology/endpoint.hpp"
#include "topology/program.hpp"
#include "topology/result.hpp"
#include "topology/time.hpp"
#include "topology/unique_fd.hpp"
#include "webnode/epoll.hpp"
#include "webnode/worker_counters.hpp"

#include <cstddef>
#include <cstdint>

namespace zcomet {

/// Thread: the worker's loop only.
///
/// While there is no room (no descriptor is free, or the worker holds as many connections as it
/// may) the socket is not watched: it would be reported ready again and again. What arrives waits
/// in the kernel's queue.
class Listener {
  public:
    /// @param tag  what the epoll set reports for the socket.
    Listener(Epoll& epoll, Counters<WorkerCounter>& counters, std::uint64_t tag);

    /// Errors: as open_listener().
    [[nodiscard]] Status open(const HostPort& address);
    void close() { socket_.reset(); }
    [[nodiscard]] bool is_open() const { return socket_.valid(); }

    /// Accepts what waits, up to a budget, and calls `on_connection(int fd)` for each; the callee
    /// owns the descriptor, which is non-blocking.
    /// @param room  connections there is room for.
    template <typename OnConnection>
    void accept(std::size_t room, Time now, OnConnection&& on_connection) {
        for (std::size_t accepted = 0; accepted < kBatchMax; ++accepted) {
            if (accepted == room) {
                pause(0, now, "streams-max");
                return;
            }
            const int fd = accept_one(room - accepted, now);
            if (fd < 0) {
                return;
            }
            on_connection(fd);
        }
    }

    /// Ends a pause once a connection was closed, or its time is over. Call it in each turn.
    void resume_if_possible(std::size_t room, Time now);
    /// When the present pause is over at the latest; kNever while there is none.
    [[nodiscard]] Time due() const { return paused_until_; }

  private:
    /// Connections accepted between two looks at the broker: a burst of thousands must not hold up
    /// messages for the streams that are open.
    static constexpr std::size_t kBatchMax = 64;
    /// Somebody else's descriptors may be what is missing, so no event of ours would say when.
    static constexpr Duration kPause = 100ms;

    [[nodiscard]] int accept_one(std::size_t room, Time now);
    void pause(std::size_t room, Time now, const char* reason);

    Epoll& epoll_;
    Counters<WorkerCounter>& counters_;
    std::uint64_t tag_;
    UniqueFd socket_;
    Time paused_until_ = kNever;
    std::size_t room_at_pause_ = 0;
    LogLimit log_limit_;
};

} // namespace zcomet
