// zcomet-floodtest: opens very many comet streams, keeps them open, counts what comes.
#include "tools/floodtest/flood_run.hpp"
#include "topology/process/file_limit.hpp"
#include "topology/program/program.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

namespace {

using namespace zcomet;

constexpr const char* kDescription =
    "Opens comet streams and prints \"Stats: {open,closed,chunks}\" each second: a load tool, for\n"
    "servers that are yours. Latency is measured from the \" ts=\" stamps of zcomet-msggen "
    "--stamp,\n"
    "which must run on the same host or on one whose clock agrees. Ends with a summary, and with "
    "a\n"
    "status other than 0 if a stream could not be opened or was closed by the other side.";

/// Descriptors of a process that are not streams: standard ones, epoll, pipe; with room to spare.
constexpr std::uint64_t kOtherFiles = 32;
constexpr unsigned kProcessesMax = 1024;

struct Options {
    std::uint64_t connections = 0;
    std::string url;
    double rate = 100; ///< one each 10 ms, as in 2008
    std::uint64_t first_id = 1;
    std::uint64_t ids = 0;  ///< 0: as many as streams
    double duration_s = -1; ///< negative: until a signal
    std::string sources;
    unsigned processes = 0; ///< 0: as many as the limit on open files asks for
    double connect_timeout_s = 10;
    std::string log;
    bool json = false;
};

void add_options(CLI::App& app, Options& options) {
    app.add_option("--connections", options.connections, "How many streams to open")
        ->type_name("N")
        ->required()
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--url", options.url, "What to open: http://HOST:PORT/test/{id}")
        ->type_name("URL")
        ->required();
    app.add_option("--rate", options.rate,
                   "Streams to open a second, evenly spaced; 0: as fast as they are answered")
        ->type_name("PER_S")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1e6));
    app.add_option("--first-id", options.first_id, "{id} of the first stream")
        ->type_name("I")
        ->capture_default_str();
    app.add_option("--ids", options.ids,
                   "After this many ids begin again with the first; default: an id for each stream")
        ->type_name("M")
        ->check(CLI::Range(1, 1'000'000'000));
    app.add_option("--duration", options.duration_s,
                   "Seconds to go on once all streams are open; default: until SIGINT or SIGTERM")
        ->type_name("S")
        ->check(CLI::Range(0.0, 1e7));
    app.add_option(
           "--source", options.sources,
           "Addresses to connect from, in turn: a list of ADDRESS or FIRST-LAST with commas "
           "between, such as 127.0.0.2-127.0.0.20. Each is good for some 28,000 streams to "
           "one server; Linux has all of 127.0.0.0/8 without further ado")
        ->type_name("LIST");
    app.add_option(
           "--processes", options.processes,
           "Processes to share the streams; default: as many as the open-file limit asks for")
        ->type_name("P")
        ->check(CLI::Range(1U, kProcessesMax));
    app.add_option("--connect-timeout", options.connect_timeout_s,
                   "Seconds for a connection and its response head")
        ->type_name("S")
        ->capture_default_str()
        ->check(CLI::Range(0.001, 3600.0));
    app.add_option("--log", options.log,
                   "Write a line for each message and for each stream that opens or closes, for "
                   "zcomet-ctl reconcile")
        ->type_name("FILE");
    app.add_flag("--json", options.json,
                 "Print the summary as one line of JSON, and the statistics to standard error");
}

/// Raises the limit on open files as far as it goes. @return streams that fit in one process.
[[nodiscard]] std::uint64_t streams_per_process() {
    const std::uint64_t limit = process::raise_file_limit();
    if (limit <= kOtherFiles) {
        throw std::runtime_error("the limit on open files is too low: see ulimit -n");
    }
    return limit - kOtherFiles;
}

/// As many processes as asked for, or as needed.
[[nodiscard]] unsigned choose_processes(const Options& options) {
    const std::uint64_t per_process = streams_per_process();
    const std::uint64_t needed = (options.connections + per_process - 1) / per_process;
    if (options.processes != 0 ? needed > options.processes : needed > kProcessesMax) {
        throw std::runtime_error(
            fmt::format("{} streams need {} processes, since each may have {} open files",
                        options.connections, needed, per_process + kOtherFiles));
    }
    return options.processes != 0 ? options.processes : static_cast<unsigned>(needed);
}

[[nodiscard]] std::vector<tools::floodtest::SocketAddress> read_sources(const std::string& text,
                                                                        int family) {
    if (text.empty()) {
        return {};
    }
    Result<std::vector<tools::floodtest::SocketAddress>> sources =
        tools::floodtest::parse_source_addresses(text);
    if (!sources.ok()) {
        throw std::runtime_error("--source: " + sources.error().text);
    }
    for (const tools::floodtest::SocketAddress& source : sources.value()) {
        if (source.family() != family) {
            throw std::runtime_error(
                "--source: IPv4 and IPv6 do not mix; the URL's host is of the other kind");
        }
    }
    return std::move(sources).value();
}

[[nodiscard]] tools::floodtest::FloodPlan make_plan(const Options& options) {
    const Result<tools::floodtest::FloodTarget> target =
        tools::floodtest::FloodTarget::parse(options.url);
    if (!target.ok()) {
        throw std::runtime_error("--url: " + target.error().text);
    }
    return tools::floodtest::FloodPlan{
        .target = target.value(),
        .sources = read_sources(options.sources, target.value().address().family()),
        .connections = options.connections,
        .rate = options.rate,
        .first_id = options.first_id,
        .ids = options.ids != 0 ? options.ids : options.connections,
        .connect_timeout = std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(options.connect_timeout_s)),
        .processes = choose_processes(options),
        .log = options.log,
    };
}

int flood(const Options& options) {
    tools::floodtest::FloodRunOptions run{.plan = make_plan(options), .duration = {}};
    if (options.duration_s >= 0) {
        run.duration =
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.duration_s));
    }
    run.stats_to = options.json ? stderr : stdout;
    run.on_settled = [to = run.stats_to](const tools::floodtest::FloodTotals& totals,
                                         double opening_s) {
        fmt::print(to, "zcomet-floodtest ready open={} failed={} opening_s={:.3f}\n", totals.open(),
                   totals.failed(), opening_s);
        std::fflush(to);
    };
    if (!options.log.empty()) {
        if (const Status made = tools::logs::LogFile::make(options.log); !made.ok()) {
            throw std::runtime_error(made.error().text);
        }
    }
    run.on_log_failed = [&options](int error) {
        spdlog::error("the log ends here, the test goes on file={} text=\"{}\"", options.log,
                      std::strerror(error));
    };
    const UniqueFd signals = program::catch_termination_signals();
    const tools::floodtest::FloodResult result = tools::floodtest::run_flood(run, signals.get());
    const std::string summary = options.json ? tools::floodtest::summary_json(result) + "\n"
                                             : tools::floodtest::summary_text(result);
    std::fputs(summary.c_str(), stdout);
    std::fflush(stdout);
    return result.passed() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app(kDescription, "zcomet-floodtest");
    Options options;
    add_options(app, options);
    program::add_common_options(app);
    return program::run_program(app, argc, argv, [&options] { return flood(options); });
}
