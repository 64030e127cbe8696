// The records of connections that wait (RequestInput), each with its deadline.
#pragma once

#include "topology/base/time.hpp"
#include "topology/store/slab.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/connection/deadline_queue.hpp"
#include "webnode/layer/unfinished.hpp"
#include "webnode/request/request_input.hpp"

#include <array>
#include <cstddef>
#include <optional>

namespace zcomet::webnode::request {

/// Thread: the worker's loop only.
class Waits {
  public:
    /// @param sum     of the records' bytes.
    /// @param delays  how long each kind of waiting may take. The others live longer than this.
    Waits(connection::Connections& connections, layer::UnfinishedBytes& sum,
          const std::array<Duration, kWaits>& delays)
        : connections_(connections), sum_(sum), deadlines_{connection::DeadlineQueue(delays[0]),
                                                           connection::DeadlineQueue(delays[1]),
                                                           connection::DeadlineQueue(delays[2]),
                                                           connection::DeadlineQueue(delays[3]),
                                                           connection::DeadlineQueue(delays[4])} {}

    /// For connections that begin to wait from now on.
    void set_delay(Wait wait, Duration delay) { queue_of(wait).set_delay(delay); }

    /// The connection's record; nullptr if it has none.
    [[nodiscard]] RequestInput* find(const connection::Connection& connection) {
        return connection.input() == store::kNoIndex ? nullptr : &inputs_[connection.input()];
    }
    /// The same by a name, which may be stale.
    [[nodiscard]] RequestInput* find(connection::Handle handle) {
        const connection::Connection* connection = connections_.table().find(handle);
        return connection == nullptr ? nullptr : find(*connection);
    }
    /// The connection's record. If there is none, makes one and watches the connection.
    /// @return nullptr if the connection had to be closed.
    [[nodiscard]] RequestInput* make(connection::Handle handle);
    void release(connection::Connection& connection);

    /// The connection waits from now on.
    void begin(connection::Handle handle, RequestInput& input, Wait wait, Time now);

    /// Calls `visit(Handle, RequestInput&)` for those that have waited for too long. The call may
    /// close connections.
    template <typename Visit> void sweep(Time now, Visit&& visit) {
        for (connection::DeadlineQueue& queue : deadlines_) {
            queue.expire(now, [&](connection::Handle handle, Time deadline) {
                RequestInput* const input = find(handle);
                if (input != nullptr && input->deadline == deadline) { // else it was over in time
                    visit(handle, *input);
                }
            });
        }
    }
    /// When sweep() next has something to do.
    [[nodiscard]] Time due() const;

    /// As layer::largest_unfinished(), of the requests that wait for their rest.
    /// @param memory_of  `(Handle) -> std::size_t`.
    template <typename MemoryOf>
    [[nodiscard]] std::optional<connection::Handle>
    largest_request(connection::Handle in_hand, std::size_t bytes_in_hand, MemoryOf&& memory_of) {
        const auto memory_if_unfinished = [&](connection::Handle handle, Time deadline) {
            const RequestInput* const input = find(handle);
            const bool is_unfinished =
                input != nullptr && input->wait == Wait::kRequest && input->deadline == deadline;
            return is_unfinished ? std::optional<std::size_t>(memory_of(handle)) : std::nullopt;
        };
        return layer::largest_unfinished(queue_of(Wait::kRequest), in_hand, bytes_in_hand,
                                         memory_if_unfinished);
    }

  private:
    [[nodiscard]] connection::DeadlineQueue& queue_of(Wait wait) {
        return deadlines_[static_cast<std::size_t>(wait)];
    }

    connection::Connections& connections_;
    layer::UnfinishedBytes& sum_;
    store::Slab<RequestInput> inputs_;
    std::array<connection::DeadlineQueue, kWaits> deadlines_; // by Wait
};

} // namespace zcomet::webnode::request
