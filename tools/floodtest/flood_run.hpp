// A whole load test: the processes that do it, the statistics each second, the result.
#pragma once

#include "tools/floodtest/flood_tally.hpp"
#include "tools/floodtest/flood_worker.hpp"
#include "topology/base/time.hpp"

#include <cstdio>
#include <functional>
#include <optional>

namespace zcomet::tools::floodtest {

struct FloodRunOptions {
    FloodPlan plan;
    /// How long to go on once every stream is open or has failed; absent: until a signal.
    std::optional<Duration> duration;
    /// Where the line of statistics goes each second.
    std::FILE* stats_to = stdout;
    Duration stats_interval = 1s;
    /// Called once, when the log could not be written; the test goes on without it.
    std::function<void(int error)> on_log_failed = [](int) {};
    /// Called once: every stream is open or has failed, so long after the first connect().
    std::function<void(const FloodTotals& totals, double opening_s)> on_settled =
        [](const FloodTotals&, double) {};
};

/// Forks the processes of `options.plan`, waits for the end of the test, stops them, and adds up
/// what they counted. The end is: the duration is over, no stream is left, or a signal.
/// @param signal_fd  from catch_termination_signals(); borrowed.
/// Throws std::system_error if processes or shared memory cannot be had, and std::runtime_error if
/// a process ended by itself, which is a bug or a lack of memory.
/// Thread: the only one of the process, since it forks.
[[nodiscard]] FloodResult run_flood(const FloodRunOptions& options, int signal_fd);

} // namespace zcomet::tools::floodtest
