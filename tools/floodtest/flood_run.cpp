#include "tools/floodtest/flood_run.hpp"

#include "topology/base/unique_fd.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/loop/readable.hpp"
#include "topology/process/shared_records.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace zcomet::tools::floodtest {

namespace {

/// How often the parent looks at the counters for the end of the opening, or of all streams.
constexpr Duration kLookInterval = 20ms;

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

[[nodiscard]] double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

class Run {
  public:
    Run(const FloodRunOptions& options, int signal_fd)
        : options_(options), signal_fd_(signal_fd),
          tallies_(process::SharedRecords<FloodTally>::create(options.plan.processes,
                                                              "zcomet-tallies")) {}
    ~Run() { stop(); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    FloodResult run();

  private:
    void make_stop_pipe();
    void start_processes();
    [[noreturn]] void be_process(unsigned number);
    void supervise();
    [[nodiscard]] bool look(Time now);
    [[nodiscard]] bool signalled(Duration timeout) const;
    void require_processes_alive();
    void print_stats() const;
    void watch_log();
    void stop();
    [[nodiscard]] FloodTotals totals();
    [[nodiscard]] FloodResult result();

    const FloodRunOptions& options_;
    int signal_fd_;
    process::SharedRecords<FloodTally> tallies_;
    /// The processes hold the reading end: they stop when ours is closed, so also when we die.
    UniqueFd stop_reader_;
    UniqueFd stop_writer_;
    std::vector<pid_t> processes_;
    Time start_ = Clock::now();
    std::uint64_t began_ns_ = wall_clock_ns(); ///< the same as start_
    Time opened_ = kNever;                     ///< when every stream was open or had failed
    Time ended_ = kNever;
    FloodTotals now_; ///< at the last look
    std::uint64_t chunks_at_opened_ = 0;
    bool interrupted_ = false;
    bool log_failed_ = false; ///< and on_log_failed() was called
};

FloodResult Run::run() {
    make_stop_pipe();
    start_processes();
    supervise();
    stop();
    watch_log();
    return result();
}

void Run::make_stop_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw_errno("cannot make a pipe");
    }
    stop_reader_.reset(ends[0]);
    stop_writer_.reset(ends[1]);
}

void Run::start_processes() {
    std::fflush(nullptr);
    for (unsigned number = 0; number < options_.plan.processes; ++number) {
        const pid_t pid = ::fork();
        if (pid < 0) {
            throw_errno("cannot start a process");
        }
        if (pid == 0) {
            be_process(number);
        }
        processes_.push_back(pid);
    }
}

void Run::be_process(unsigned number) {
    int status = 0;
    stop_writer_.reset();
    try {
        FloodWorker(options_.plan, number, start_, stop_reader_.get(), tallies_.records()[number])
            .run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "zcomet-floodtest: process %u: %s\n", number, error.what());
        status = 1;
    }
    // Not exit(3): functions that the parent registered for its own end must not run here.
    ::_exit(status);
}

void Run::supervise() {
    Time next_stats = start_ + options_.stats_interval;
    while (true) {
        const bool told_to_stop = signalled(kLookInterval);
        require_processes_alive();
        const Time now = Clock::now();
        const bool over = look(now);
        interrupted_ = told_to_stop && opened_ == kNever;
        if (told_to_stop || over) {
            ended_ = now;
            print_stats();
            return;
        }
        if (now >= next_stats) {
            print_stats();
            next_stats += options_.stats_interval;
        }
    }
}

/// Reads the counters. @return whether the test is over.
bool Run::look(Time now) {
    now_ = totals();
    watch_log();
    const std::uint64_t settled = now_.get(FloodCounter::kConnected) + now_.failed();
    if (settled < options_.plan.connections) {
        return false;
    }
    if (opened_ == kNever) {
        opened_ = now;
        chunks_at_opened_ = now_.get(FloodCounter::kChunks);
        options_.on_settled(now_, seconds(opened_ - start_));
    }
    const bool time_is_up = options_.duration && now - opened_ >= *options_.duration;
    return time_is_up || now_.open() == 0;
}

bool Run::signalled(Duration timeout) const {
    return loop::await_readable(signal_fd_, Clock::now() + timeout);
}

void Run::require_processes_alive() {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended <= 0) {
        return;
    }
    std::erase(processes_, ended);
    const std::string how = WIFSIGNALED(status)
                                ? "by signal " + std::to_string(WTERMSIG(status))
                                : "with status " + std::to_string(WEXITSTATUS(status));
    throw std::runtime_error("process " + std::to_string(ended) + " of the test ended " + how);
}

void Run::print_stats() const {
    std::fprintf(options_.stats_to, "%s\n", stats_line(now_).c_str());
    std::fflush(options_.stats_to);
}

void Run::watch_log() {
    for (unsigned i = 0; i < options_.plan.processes && !log_failed_; ++i) {
        const int error = tallies_.records()[i].log_errno.load(std::memory_order_relaxed);
        if (error != 0) {
            log_failed_ = true;
            options_.on_log_failed(error);
        }
    }
}

void Run::stop() {
    stop_writer_.reset();
    for (const pid_t pid : processes_) {
        ::waitpid(pid, nullptr, 0);
    }
    processes_.clear();
}

FloodTotals Run::totals() {
    FloodTotals sum;
    for (unsigned i = 0; i < options_.plan.processes; ++i) {
        sum.add(tallies_.records()[i]);
    }
    return sum;
}

/// CPU time of all processes that were waited for.
[[nodiscard]] double children_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    const auto value = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return value(usage.ru_utime) + value(usage.ru_stime);
}

FloodResult Run::result() {
    FloodResult result;
    result.wanted = options_.plan.connections;
    result.processes = options_.plan.processes;
    result.interrupted = interrupted_;
    result.began_ns = began_ns_;
    for (unsigned i = 0; i < options_.plan.processes; ++i) {
        result.add(tallies_.records()[i]);
    }
    const bool all_settled = opened_ != kNever;
    result.opening_s = seconds((all_settled ? opened_ : ended_) - start_);
    if (all_settled) {
        result.measured_s = seconds(ended_ - opened_);
        // Counted at the moment of the time above, without what came while the processes stopped.
        result.measured_chunks = now_.get(FloodCounter::kChunks) - chunks_at_opened_;
    }
    result.cpu_s = children_cpu_s();
    return result;
}

} // namespace

FloodResult run_flood(const FloodRunOptions& options, int signal_fd) {
    return Run(options, signal_fd).run();
}

} // namespace zcomet::tools::floodtest
