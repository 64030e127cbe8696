// The web node's first process: reserves the port, starts the workers, restarts those that die,
// shows what they count, and ends them in order.
//
// Workers are not merely forked but executed anew (kThisProgram with hidden options). So a worker
// that is restarted begins in the same clean state as the first, although this process has a thread
// (its log's) by then. It shares no descriptor, lock or ZeroMQ context with any other process.
#pragma once

#include "topology/admin/admin_server.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/loop/loop.hpp"
#include "topology/process/child_process.hpp"
#include "topology/process/hang_watch.hpp"
#include "topology/process/hangup.hpp"
#include "topology/process/restart_delay.hpp"
#include "topology/process/service.hpp"
#include "webnode/port/http_port.hpp"
#include "webnode/slot/worker_counters.hpp"
#include "webnode/supervisor/embedded_broker.hpp"
#include "webnode/supervisor/ending.hpp"
#include "webnode/supervisor/options.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zcomet::webnode::supervisor {

/// Descriptors that a worker inherits, by number.
inline constexpr int kWorkerSlotsFd = 3;   ///< SharedSlots
inline constexpr int kWorkerWakeFd = 4;    ///< an eventfd: written to when a worker's state changes
inline constexpr int kWorkerSecretsFd = 5; ///< program::OptionTable::secrets()
inline constexpr int kWorkerOptionsFd = 6; ///< program::OptionTable::write_for_workers()

/// This very program, even if its file was replaced meanwhile.
inline constexpr const char* kThisProgram = "/proc/self/exe";

/// Thread: the main thread.
class Supervisor : private loop::Source {
  public:
    /// @param line         settled; lives longer than this, which fills in the port that the system
    ///                     chose and the name that follows from it.
    /// @param termination  as catch_termination_signals() gives it.
    /// @param reload       what SIGHUP does: program::reload(). If it returns true, workers get the
    ///                     options that can change.
    /// @param program      the workers', by its path: tests have one that plays a worker.
    Supervisor(CommandLine& line, UniqueFd termination, std::function<bool()> reload,
               std::string program = kThisProgram);
    ~Supervisor() override;
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Runs until SIGTERM or SIGINT; then everything that it started has ended, after SIGTERM
    /// without haste.
    /// Throws std::runtime_error if the web node cannot start.
    void run();

  private:
    struct Worker {
        process::ChildProcess process;
        process::RestartDelay delay;
        process::HangWatch hang;
        Time started = Time::min();
        Time restart_at = kNever;
        bool has_listened = false; // ever, in any of its processes
    };

    void reserve();
    void reserve_api();
    void start_worker(std::size_t index, Time now);

    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    [[nodiscard]] std::uint32_t fds_version() const override { return fds_version_; }
    /// Handles a worker whose state has changed, that has ended, or that is due to be started
    /// again.
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override;
    void renew_fds();
    void check_workers(Time now);
    void on_worker_end(std::size_t index, const process::ProcessEnd& end, Time now);
    void watch_for_hang(std::size_t index, Time now);
    void announce_when_ready();
    void log_capacity();
    void watch_broker(Time now);
    void watch_some_brokers();
    [[nodiscard]] std::string node_name(std::size_t index) const;
    /// Has what session tickets are made of forget what is over.
    void renew_tickets(Time now);
    [[nodiscard]] bool lacks_broker(std::size_t index, Time now) const;
    void log_auth() const;
    /// Says by which names the admin page is asked.
    void use_names();
    void pass_options_on();
    /// Ends the workers as the signals want it, then the broker.
    void end_in_order();
    void pass_signals_on(Time now);
    void tell_workers(Ending::Order order) const;
    void on_last_end(std::size_t index, const process::ProcessEnd& end);
    void report_end(Time began) const;
    /// What became of the streams, as all workers have counted it: WorkerCounter.
    [[nodiscard]] std::uint64_t counted(slot::WorkerCounter counter) const;
    void end_all();

    const CommandLine& line_;
    WebNodeOptions& options_;
    std::string program_;
    UniqueFd secrets_; // as workers inherit them
    UniqueFd reread_;  // likewise: options, after SIGHUP
    UniqueFd termination_;
    UniqueFd wake_;
    port::ReservedPort port_;
    port::ReservedPort api_port_;
    slot::SharedSlots shared_;
    std::vector<Worker> workers_;
    EmbeddedBroker broker_;
    std::unique_ptr<admin::AdminServer> admin_;
    process::Service service_;
    process::Hangup hangup_;
    loop::Loop loop_;
    std::vector<int> fds_; // wake_, then those of the workers
    std::uint32_t fds_version_ = 0;
    Time now_ = Time::min(); // of the last turn
    Time tickets_due_ = kNever;
    std::optional<Ending> ending_;     // since a signal has come
    std::uint64_t killed_streams_ = 0; // of workers that did not end in order
    bool announced_ = false;
    bool broker_missed_ = false;
    bool broker_away_ = false; // of several, and a line has said so
};

} // namespace zcomet::webnode::supervisor
