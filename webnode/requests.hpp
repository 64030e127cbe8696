// From events to answers: reads requests off connections, lets HttpFront answer them, parks
// streams, writes what was kept back, and ends connections that take too long.
#pragma once

#include "topology/time.hpp"
#include "webnode/connections.hpp"
#include "webnode/deadline_queue.hpp"
#include "webnode/http_front.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace zcomet {

/// Thread: the worker's loop only.
class Requests {
  public:
    /// Called with an id whose first stream was opened.
    using LogIn = std::function<void(std::string_view id)>;

    Requests(Connections& connections, Counters<WorkerCounter>& counters, Duration request_deadline,
             LogIn log_in);

    /// A connection was accepted: reads at once, since the request is there already, mostly.
    void on_accepted(int fd, Time now);

    /// Epoll reports something of a connection, which may be a stream, or gone by now.
    void on_event(StreamHandle handle, std::uint32_t events, Time now);

    /// Ends what has waited for too long.
    void sweep(Time now);
    /// When sweep() next has something to do.
    [[nodiscard]] Time due() const;

    /// A browser that leaves its connection open for the next request has this long to make it.
    static constexpr Duration kIdleMax = 15s;
    /// For reading the end of an answer that the socket did not take whole.
    static constexpr Duration kFlushMax = 5s;
    /// For reading an answer that came before the request was whole.
    static constexpr Duration kLingerMax = 2s;

  private:
    /// What a read, or one request of it, has left of the connection.
    enum class After : std::uint8_t {
        kReading, ///< it waits for more
        kOver,    ///< it is gone, parked, or waits for its end
    };

    void on_readable(StreamHandle handle, bool ended, Time now);
    [[nodiscard]] After read(StreamHandle handle, Time now);
    [[nodiscard]] After serve(StreamHandle handle, std::string_view bytes, Time now);
    [[nodiscard]] After keep_rest(StreamHandle handle, std::string rest,
                                  const RequestReader& reader, bool answered, Time now);
    [[nodiscard]] After answer(StreamHandle handle, std::string_view request, bool more, Time now);
    void open_stream(StreamHandle handle, const Answer& answer);
    void refuse(StreamHandle handle, int status, Time now);
    void end(StreamHandle handle, bool unread, Time now);
    void set_waiting(StreamHandle handle, Pending& pending, Waiting waiting, Time now);
    void on_deadline(StreamHandle handle, Time deadline, Time now);
    void count_response(int status);
    [[nodiscard]] DeadlineQueue& queue_of(Waiting waiting);

    Connections& connections_;
    StreamTable& table_;
    Counters<WorkerCounter>& counters_;
    HttpFront front_;
    LogIn log_in_;
    DeadlineQueue request_deadlines_;
    DeadlineQueue idle_deadlines_{kIdleMax};
    DeadlineQueue flush_deadlines_{kFlushMax};
    DeadlineQueue linger_deadlines_{kLingerMax};
    std::unique_ptr<char[]> buffer_; // one for all connections: between reads it holds nothing
};

} // namespace zcomet
