// What a worker logs of its streams and of their counters.
#pragma once

#include "topology/base/time.hpp"
#include "topology/metrics/counters.hpp"
#include "topology/program/program.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/slot/worker_counters.hpp"
#include "webnode/stream/stream_table.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace zcomet::webnode::worker {

/// A counter whose rises are logged, in a line a second at most.
class CounterReport {
  public:
    explicit CounterReport(slot::WorkerCounter counter) : counter_(counter) {}

    /// What an earlier process has counted is not reported again.
    void begin(const metrics::Counters<slot::WorkerCounter>& counters) {
        reported_ = counters.get(counter_);
    }
    /// @return by how much the counter has risen since the last report; 0: nothing to report now.
    [[nodiscard]] std::uint64_t news(const metrics::Counters<slot::WorkerCounter>& counters,
                                     Time now) {
        const std::uint64_t count = counters.get(counter_);
        if (count == reported_ || limit_.pass(now) == 0) {
            return 0;
        }
        return count - std::exchange(reported_, count);
    }

  private:
    slot::WorkerCounter counter_;
    std::uint64_t reported_ = 0;
    program::LogLimit limit_;
};

/// Logs each connection that closes, at the level debug, and remembers one stream of those that a
/// line about slow streams counts.
class StreamLog : public connection::ConnectionLog {
  public:
    /// Both live longer than this.
    StreamLog(const std::string& node, const stream::StreamTable& streams)
        : node_(node), streams_(streams) {}

    void on_closing(const connection::Connection& connection,
                    connection::CloseReason reason) override;
    void on_missing(const connection::Connection& connection) override;

    /// " id=ID address=ADDRESS" of a stream that was slow since the last call.
    [[nodiscard]] std::string take_slow_stream() { return std::exchange(slow_stream_, {}); }

  private:
    [[nodiscard]] std::string fields_of(const connection::Connection& connection) const;

    const std::string& node_;
    const stream::StreamTable& streams_;
    std::string slow_stream_;
};

} // namespace zcomet::webnode::worker
