// The way out of answers: writes and counts them, and ends their connections so that no answer is
// lost. Frees memory by ending requests that are not complete.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/layer/layers.hpp"
#include "webnode/layer/unfinished.hpp"
#include "webnode/request/waits.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <cstddef>
#include <cstdint>

namespace zcomet::webnode::request {

/// The state of a connection after a read, or after one of its requests.
enum class After : std::uint8_t {
    kReading, ///< it waits for more
    kOver,    ///< it is gone, a stream, or waits for a later answer or its end
};

/// A connection that is named must exist.
/// Thread: the worker's loop only.
class Answers {
  public:
    /// All must live longer than this.
    Answers(connection::Connections& connections, metrics::Counters<slot::WorkerCounter>& counters,
            Waits& waits, layer::Layers& layers, layer::UnfinishedBytes& unfinished)
        : connections_(connections), table_(connections.table()), counters_(counters),
          waits_(waits), layers_(layers), unfinished_(unfinished) {}

    /// Counts an answer by the class of its status, and notes a refusal for the log.
    void count(const connection::Connection& connection, int status);

    /// Writes an answer that is counted.
    /// @param unread  the client has sent more than the request, and it was not used.
    [[nodiscard]] After write(connection::Handle handle, const http::Answer& answer, bool unread,
                              Time now);
    /// Answers a request that no route sees, and ends the connection.
    void refuse(connection::Handle handle, int status, bool is_head, Time now);
    /// The same, for want of a place for the client.
    [[nodiscard]] After refuse_full(connection::Handle handle, bool is_head, Time now);

    /// Ends a connection once all is written. What the client still sends is thrown away.
    void end(connection::Handle handle, bool unread, Time now);

    /// Ends a request that is not complete, or waits for its answer: its memory is needed.
    void shed(connection::Handle handle, Time now);
    /// Makes the memory for unfinished requests fit into its bound: others go, as
    /// layer::largest_unfinished() says.
    /// @return false if the connection in hand has to go.
    [[nodiscard]] bool make_room(connection::Handle in_hand, std::size_t bytes_in_hand, Time now);
    /// Memory that make_room() can have back from a connection.
    [[nodiscard]] std::size_t unfinished_of(connection::Handle handle);

  private:
    void write_error(connection::Handle handle, int status, bool is_head, Time now);

    connection::Connections& connections_;
    connection::ConnectionTable& table_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    Waits& waits_;
    layer::Layers& layers_;
    layer::UnfinishedBytes& unfinished_;
};

} // namespace zcomet::webnode::request
