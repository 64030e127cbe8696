// The web node's first process: reserves the port, starts the workers, starts again what dies,
// shows what they count, and ends them in order.
//
// Workers are not merely forked but executed anew (/proc/self/exe with hidden options). A worker
// that is restarted is so born into the same clean state as the first, though by then this process
// has threads (the admin page), and shares no descriptor, lock or ZeroMQ context with anybody.
#pragma once

#include "topology/base/unique_fd.hpp"
#include "topology/process/child_process.hpp"
#include "topology/process/restart_delay.hpp"
#include "webnode/port/http_port.hpp"
#include "webnode/slot/shared_slots.hpp"
#include "webnode/supervisor/admin_page.hpp"
#include "webnode/supervisor/embedded_broker.hpp"
#include "webnode/supervisor/options.hpp"

#include <memory>
#include <string>
#include <vector>

namespace zcomet::webnode::supervisor {

/// Descriptors that a worker inherits, by number.
inline constexpr int kWorkerSlotsFd = 3;   ///< SharedSlots
inline constexpr int kWorkerWakeFd = 4;    ///< an eventfd: written to when a worker's state changes
inline constexpr int kWorkerSecretsFd = 5; ///< program::OptionTable::secrets()

/// Thread: the main thread.
class Supervisor {
  public:
    /// @param line         settled; lives longer than this, which fills in the port that the system
    ///                     chose and the name that follows from it.
    /// @param termination  as catch_termination_signals() gives it.
    Supervisor(CommandLine& line, UniqueFd termination);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Runs until SIGTERM or SIGINT; then everything that it started has ended.
    /// Throws std::runtime_error if the web node cannot start.
    void run();

  private:
    struct Worker {
        process::ChildProcess process;
        process::RestartDelay delay;
        Time started = Time::min();
        Time restart_at = kNever;
        bool has_listened = false; // ever, in any of its processes
    };

    void reserve();
    void start_worker(std::size_t index, Time now);
    void wait_for_events(Time now);
    [[nodiscard]] Time next_due(Time now) const;
    void check_workers(Time now);
    void on_worker_end(std::size_t index, const process::ProcessEnd& end, Time now);
    void announce_when_ready();
    void log_capacity();
    void watch_broker(Time now);
    [[nodiscard]] bool lacks_broker(std::size_t index, Time now) const;
    void end_all();

    const CommandLine& line_;
    WebNodeOptions& options_;
    UniqueFd secrets_; // as workers inherit them
    UniqueFd termination_;
    UniqueFd wake_;
    port::ReservedPort port_;
    slot::SharedSlots shared_;
    std::vector<Worker> workers_;
    EmbeddedBroker broker_;
    std::unique_ptr<AdminPage> admin_;
    bool ending_ = false;
    bool announced_ = false;
    bool broker_missed_ = false;
};

} // namespace zcomet::webnode::supervisor
