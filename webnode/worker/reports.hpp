// The lines that a worker logs when its counters rise: a table, with a row for each.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/page_guard.hpp"
#include "topology/metrics/counters.hpp"
#include "topology/program/program.hpp"
#include "webnode/api/api.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/hook/hook.hpp"
#include "webnode/request/gate.hpp"
#include "webnode/slot/worker_counters.hpp"
#include "webnode/worker/stream_log.hpp"
#include "webnode/worker/worker_options.hpp"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

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

/// What the lines are made of. Borrowed for the call.
struct ReportSources {
    const WorkerOptions& options;
    const metrics::Counters<slot::WorkerCounter>& counters;
    StreamLog& stream_log;
    const connection::Connections& connections;
    const http::PageGuard& guard;
    const request::Gate& gate;
    const hook::Hook* hook; ///< nullptr: there is none
    api::Api* api;          ///< likewise
    std::string_view why_streams_are_refused;
};

/// Each line comes once a second at most. There is none while nothing has happened.
/// Thread: the worker's loop only.
class Reports {
  public:
    Reports();

    /// What an earlier process has counted is not reported again.
    void begin(const metrics::Counters<slot::WorkerCounter>& counters);
    /// Logs what has happened since the last line of its kind.
    void turn(const ReportSources& sources, Time now);

  private:
    std::vector<CounterReport> counters_; // by row of the table
};

} // namespace zcomet::webnode::worker
