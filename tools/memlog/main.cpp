// zcomet-memlog: writes a web node's memory and connections to a log, a line each interval.
#include "tools/memlog/memlog.hpp"
#include "topology/base/text.hpp"
#include "topology/base/time.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/loop/loop.hpp"
#include "topology/process/pidfd.hpp"
#include "topology/program/address_options.hpp"
#include "topology/program/option_table.hpp"
#include "topology/program/program.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

namespace {

using namespace zcomet;

constexpr const char* kDescription =
    "Writes a line each interval: date, seconds since 1970, resident KB, connections, PSS in KB, "
    "with tabs between. A web node's supervisor and workers count together. scripts/plot-memory "
    "draws the log. Ends with SIGINT, SIGTERM, --count, or the process that it looks at.";

/// Answers missed in a row before the web node counts as gone: a restart takes less.
constexpr unsigned kMissesMax = 3;

struct Options {
    pid_t pid = 0;
    wire::HostPort admin;   ///< no host: none
    std::uint16_t port = 0; ///< 0: every port that the processes listen at
    double interval_s = 60;
    std::string out;
    std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};

void add_options(program::OptionTable& table, Options& options) {
    table
        .add("--pid", &options.pid,
             "Look at a process and all its descendants, through /proc; connections are those to "
             "ports that they listen at")
        .type("PID")
        .positive()
        .none("0");
    table
        .add("--admin", program::as_host_port(options.admin),
             "Look at a web node through its admin page, http://HOST:PORT; connections are its "
             "streams")
        .type("URL")
        .excludes("--pid");
    table.add("--port", &options.port, "With --pid: count connections to this port only")
        .type("PORT")
        .range(1, 65535)
        .none("0");
    table.add("--interval", &options.interval_s, "Seconds between lines")
        .type("S")
        .show_default()
        .range(0.1, 86400.0);
    table.add("--out", &options.out, "Add the lines to FILE; default: standard output")
        .type("FILE");
    table.add("--count", &options.count, "End after N lines; default: go on")
        .type("N")
        .positive()
        .none(std::to_string(options.count));
}

/// Takes samples of the processes that the options name.
class Sampler {
  public:
    explicit Sampler(const Options& options) : options_(options) {
        if (options.pid == 0) {
            return;
        }
        process_ = process::open_pidfd(options.pid);
        if (!process_.valid()) {
            throw std::runtime_error("there is no process " + std::to_string(options.pid));
        }
    }

    /// Readable when the process has ended; -1 if it is not a process that we look at.
    [[nodiscard]] int end_fd() const { return process_.get(); }

    /// Absent: there is nothing to look at now, but there may be later.
    /// Throws std::runtime_error if there will be nothing later, either.
    [[nodiscard]] std::optional<tools::memlog::MemlogSample> sample() {
        return options_.pid != 0 ? of_process() : of_admin();
    }

  private:
    [[nodiscard]] std::optional<tools::memlog::MemlogSample> of_process() const {
        const auto port = options_.port != 0 ? std::optional(options_.port) : std::nullopt;
        return value_or_throw(tools::memlog::sample_process(options_.pid, port));
    }

    [[nodiscard]] std::optional<tools::memlog::MemlogSample> of_admin() {
        const auto sample = tools::memlog::sample_admin(options_.admin);
        if (sample.ok()) {
            answered_ = true;
            misses_ = 0;
            return sample.value();
        }
        ++misses_;
        if (!answered_ || misses_ >= kMissesMax) {
            throw std::runtime_error(sample.error().text);
        }
        spdlog::warn("event=no-sample why={}, ignoring", log_value(sample.error().text));
        return std::nullopt;
    }

    const Options& options_;
    UniqueFd process_;
    bool answered_ = false;
    unsigned misses_ = 0;
};

/// The process under observation, as a source of the loop.
class Process : public loop::Source {
  public:
    explicit Process(int end_fd) : fds_{end_fd} {}
    [[nodiscard]] bool ended() const { return ended_; }

    std::span<const int> fds() const override { return fds_; }
    void on_ready(std::size_t /*index*/) override { ended_ = true; }
    bool turn(Time /*now*/) override { return false; }

  private:
    std::array<int, 1> fds_;
    bool ended_ = false;
};

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

[[nodiscard]] File open_log(const std::string& path) {
    if (path.empty()) {
        return {stdout, [](std::FILE* file) { return std::fflush(file); }};
    }
    // Appended to: so a restart does not destroy a day's log.
    File file(std::fopen(path.c_str(), "ae"), &std::fclose);
    if (!file) {
        throw std::system_error(errno, std::generic_category(), "cannot write to " + path);
    }
    return file;
}

void write_line(std::FILE* log, const tools::memlog::MemlogSample& sample) {
    const std::string line = tools::memlog::memlog_line(std::time(nullptr), sample);
    if (std::fputs(line.c_str(), log) < 0 || std::fflush(log) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot write to the log");
    }
}

int memlog(const Options& options, const program::OptionTable& table) {
    const UniqueFd signals = program::catch_termination_signals();
    Sampler sampler(options);
    Process target(sampler.end_fd());
    loop::Loop loop;
    loop.stop_at(signals.get());
    loop.add(target, loop::Order::kBroker);
    const File log = open_log(options.out);
    program::log_settings(table);
    const auto interval =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.interval_s));
    Time due = Clock::now();
    for (std::uint64_t lines = 0; lines < options.count;) {
        do {
            loop.turn(due); // at least once: samples may take longer than the interval
        } while (!loop.stopped() && !target.ended() && Clock::now() < due);
        if (loop.stopped()) {
            return 0;
        }
        if (target.ended()) {
            spdlog::info("event=process-ended pid={} lines={}", options.pid, lines);
            return 0;
        }
        if (const auto sample = sampler.sample()) {
            write_line(log.get(), *sample);
            ++lines;
        }
        due += interval;
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app(kDescription, "zcomet-memlog");
    Options options;
    program::OptionTable table(app);
    add_options(table, options);
    app.parse_complete_callback([&options] {
        if (options.pid == 0 && options.admin.host.empty()) {
            throw CLI::RequiredError("--pid or --admin");
        }
    });
    program::add_common_options(app);
    return program::run_program(app, argc, argv, [&] { return memlog(options, table); });
}
