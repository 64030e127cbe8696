// From events to answers: reads requests off connections, lets WebFront answer them, parks
// streams, writes what was kept back, and ends connections that take too long.
#pragma once

#include "topology/base/time.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/connection/deadline_queue.hpp"
#include "webnode/request/web_front.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace zcomet::webnode::request {

/// Thread: the worker's loop only.
class Requests {
  public:
    /// Called with an id whose first stream was opened.
    using LogIn = std::function<void(std::string_view id)>;

    Requests(connection::Connections& connections, metrics::Counters<slot::WorkerCounter>& counters,
             Duration request_deadline, LogIn log_in);

    /// A connection was accepted: reads at once, since the request is there already, mostly.
    void on_accepted(int fd, Time now);

    /// Epoll reports something of a connection, which may be a stream, or gone by now.
    void on_event(connection::StreamHandle handle, std::uint32_t events, Time now);

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

    void on_readable(connection::StreamHandle handle, bool ended, Time now);
    [[nodiscard]] After read(connection::StreamHandle handle, Time now);
    [[nodiscard]] After serve(connection::StreamHandle handle, std::string_view bytes, Time now);
    [[nodiscard]] After keep_rest(connection::StreamHandle handle, std::string rest,
                                  const http::RequestReader& reader, bool answered, Time now);
    [[nodiscard]] After answer(connection::StreamHandle handle, std::string_view request, bool more,
                               Time now);
    void open_stream(connection::StreamHandle handle, const Answer& answer);
    void refuse(connection::StreamHandle handle, int status, Time now);
    void end(connection::StreamHandle handle, bool unread, Time now);
    void set_waiting(connection::StreamHandle handle, connection::Pending& pending,
                     connection::Waiting waiting, Time now);
    void on_deadline(connection::StreamHandle handle, Time deadline, Time now);
    void count_response(int status);
    [[nodiscard]] connection::DeadlineQueue& queue_of(connection::Waiting waiting);

    connection::Connections& connections_;
    connection::StreamTable& table_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    WebFront front_;
    LogIn log_in_;
    connection::DeadlineQueue request_deadlines_;
    connection::DeadlineQueue idle_deadlines_{kIdleMax};
    connection::DeadlineQueue flush_deadlines_{kFlushMax};
    connection::DeadlineQueue linger_deadlines_{kLingerMax};
    std::unique_ptr<char[]> buffer_; // one for all connections: between reads it holds nothing
};

} // namespace zcomet::webnode::request
