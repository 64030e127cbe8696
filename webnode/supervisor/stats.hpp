// What a web node says of itself: its workers, what they count, and the sums.
#pragma once

#include "topology/metrics/snapshot.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace zcomet::webnode::supervisor {

/// What a web node's stats are about.
struct WebNodeStats {
    std::string name;
    std::string http; ///< HOST:PORT
    std::span<const slot::WorkerSlot> workers;
    std::uint64_t host_refusals = 0; ///< of the admin page
};

/// The memory in the totals is that of the calling process (the supervisor) and its workers. A
/// worker that is down has pid 0.
/// Thread: any.   Cost: reads /proc/PID/smaps_rollup of each process, a millisecond or so.
[[nodiscard]] metrics::Snapshot stats_snapshot(const WebNodeStats& stats);

} // namespace zcomet::webnode::supervisor
