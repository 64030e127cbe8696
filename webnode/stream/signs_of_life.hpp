// Writes the smallest thing that its format has to each stream that got nothing else for a while:
// proxies cut quiet streams, and a browser that has left behind a proxy shows only by a write.
#pragma once

#include "topology/base/slot_pacer.hpp"
#include "topology/base/time.hpp"
#include "webnode/connection/connections.hpp"

#include <chrono>

namespace zcomet::webnode::stream {

/// Thread: the worker's loop only.
class SignsOfLife {
  public:
    /// Both live longer than this.
    /// @param each  a stream is never quiet for longer than this, nor does a quiet one get signs
    ///     more often than twice in it, unless the streams become many times as many meanwhile;
    ///     0: no signs.
    SignsOfLife(connection::Connections& connections,
                metrics::Counters<slot::WorkerCounter>& counters, std::chrono::seconds each,
                Time now);

    /// Writes to the streams whose turn it is. Some may be closed, if their browsers are gone.
    void turn(Time now);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;

  private:
    void visit(connection::Handle handle, connection::Connection& connection);
    void give(connection::Handle handle, connection::Connection& connection);

    connection::Connections& connections_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    bool is_on_;
    SlotPacer pacer_;
    std::uint32_t round_ = 0;
};

} // namespace zcomet::webnode::stream
