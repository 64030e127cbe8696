#include "webnode/supervisor/stats.hpp"

#include "topology/process/process_memory.hpp"

#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace zcomet::webnode::supervisor {

namespace {

using metrics::Metric;

constexpr Metric kRestarts{.name = "restarts", .help = "times that the worker was started again"};
constexpr Metric kRss{.name = "rss_kb",
                      .help = "resident memory, shared pages counted whole",
                      .unit = metrics::Unit::kKibibytes,
                      .kind = metrics::Kind::kGauge};
constexpr Metric kPss{.name = "pss_kb",
                      .help = "resident memory, shared pages counted by their share",
                      .unit = metrics::Unit::kKibibytes,
                      .kind = metrics::Kind::kGauge};

/// All 0 for a process that is gone, and for none: pid 0.
process::ProcessMemory memory_of(pid_t pid) {
    const Result<process::ProcessMemory> memory = process::process_memory(pid);
    return pid > 0 && memory.ok() ? memory.value() : process::ProcessMemory{};
}

/// The figures are those of people's first questions: how much is open, how much memory it takes.
std::vector<metrics::Sample> figures_of(const slot::WorkerSlot& slot,
                                        const process::ProcessMemory& memory) {
    const auto counted = [&slot](slot::WorkerCounter counter) {
        return metrics::Sample{&slot::kWorkerMetrics[static_cast<std::size_t>(counter)],
                               slot.counters.get(counter)};
    };
    return {{&kRestarts, slot.restarts.load(std::memory_order_relaxed)},
            counted(slot::WorkerCounter::kStreams),
            counted(slot::WorkerCounter::kConnections),
            {&kRss, memory.rss_kb},
            {&kPss, memory.pss_kb}};
}

metrics::Subject worker_subject(const slot::WorkerSlot& slot, std::string name) {
    const pid_t pid = slot.pid.load(std::memory_order_relaxed);
    metrics::Subject worker;
    worker.labels = {
        {"name", std::move(name)},
        {"pid", std::int64_t{pid}},
        {"state", std::string(slot::name_of(slot.state.load(std::memory_order_relaxed)))}};
    worker.figures = figures_of(slot, memory_of(pid));
    metrics::append(worker.counters, slot.counters, slot::kWorkerMetrics);
    return worker;
}

/// The supervisor's part of the totals: it has no streams, only memory and the admin page.
metrics::Subject own_part(const WebNodeStats& stats) {
    slot::WorkerSlot own;
    own.counters.set(slot::WorkerCounter::kHostRefusals, stats.host_refusals);
    metrics::Subject supervisor;
    supervisor.figures = figures_of(own, memory_of(::getpid()));
    metrics::append(supervisor.counters, own.counters, slot::kWorkerMetrics);
    return supervisor;
}

} // namespace

metrics::Snapshot stats_snapshot(const WebNodeStats& stats) {
    metrics::Snapshot snapshot;
    snapshot.program.labels = {{"name", stats.name},
                               {"version", ZCOMET_VERSION},
                               {"pid", std::int64_t{::getpid()}},
                               {"http", stats.http}};
    snapshot.totals = own_part(stats);
    for (const slot::WorkerSlot& slot : stats.workers) {
        const std::string number = std::to_string(snapshot.workers.size() + 1);
        snapshot.workers.push_back(worker_subject(slot, stats.name + "/" + number));
        metrics::add_to(*snapshot.totals, snapshot.workers.back());
    }
    return snapshot;
}

} // namespace zcomet::webnode::supervisor
