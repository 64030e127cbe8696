// zcomet-floodtest: opens very many comet streams, keeps them open, counts what comes.
#include "tools/floodtest/flood_run.hpp"
#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/process/file_limit.hpp"
#include "topology/program/option_table.hpp"
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
#include <vector>

namespace {

using namespace zcomet;

constexpr const char* kDescription =
    "Opens comet streams and prints \"Stats: {open,closed,chunks}\" each second: a load tool, for "
    "servers that are yours. Latency is measured from the \" ts=\" stamps of zcomet-msggen "
    "--stamp, "
    "which must run on the same host or on one with the same clock. Ends with a summary, and with "
    "a "
    "status other than 0 if a stream could not be opened or was closed by the other side.";

/// Descriptors of a process that are not streams: standard ones, epoll, pipe; with room to spare.
constexpr std::uint64_t kOtherFiles = 32;
constexpr unsigned kProcessesMax = 1024;

struct Options {
    std::uint64_t connections = 0;
    std::string url;
    std::vector<std::string> headers;
    double rate = 100; ///< one each 10 ms, as in 2008
    std::uint64_t first_id = 1;
    std::uint64_t ids = 0;  ///< 0: as many as streams
    double duration_s = -1; ///< negative: until a signal
    std::string sources;
    unsigned processes = 0; ///< 0: as many as the limit on open files asks for
    double connect_timeout_s = 10;
    std::string log;
    std::string tls_ca;
    bool json = false;
};

void add_options(program::OptionTable& table, Options& options) {
    table.add("--connections", &options.connections, "How many streams to open")
        .type("N")
        .required()
        .range(1, 10'000'000);
    table
        .add("--url", &options.url,
             "What to open: http://HOST:PORT/test/{id}, or https; {id} is each stream's id")
        .type("URL")
        .required();
    table
        .add("--header", &options.headers,
             "A header of the requests, NAME: VALUE; repeat it for others")
        .type("HEADER")
        .check(tools::floodtest::why_no_header);
    table
        .add("--rate", &options.rate,
             "Streams to open a second, evenly spaced; 0: as fast as they are answered")
        .type("PER_S")
        .show_default()
        .range(0.0, 1e6);
    table.add("--first-id", &options.first_id, "{id} of the first stream").type("I").show_default();
    table
        .add("--ids", &options.ids,
             "After this many ids begin again with the first; default: an id for each stream")
        .type("M")
        .range(1, 1'000'000'000)
        .none("0");
    table
        .add("--duration", &options.duration_s,
             "Seconds to go on once all streams are open; default: until SIGINT or SIGTERM")
        .type("S")
        .range(0.0, 1e7)
        .none("-1");
    table
        .add("--source", &options.sources,
             "Addresses to connect from, in turn: a list of ADDRESS or FIRST-LAST with commas "
             "between, such as 127.0.0.2-127.0.0.20. Each can have some 28,000 streams to "
             "one server; Linux has all of 127.0.0.0/8 without further ado")
        .type("LIST");
    table
        .add("--processes", &options.processes,
             "Processes to share the streams; default: as many as the open-file limit asks for")
        .type("P")
        .range(1U, kProcessesMax)
        .none("0");
    table
        .add("--connect-timeout", &options.connect_timeout_s,
             "Seconds for a connection and its response head")
        .type("S")
        .show_default()
        .range(0.001, 3600.0);
    table
        .add("--log", &options.log,
             "Write a line for each message and for each stream that opens or closes, for "
             "zcomet-ctl reconcile")
        .type("FILE");
    table
        .add("--tls-ca", &options.tls_ca,
             "With https, check servers' certificates by those in this file, in PEM; default: any "
             "certificate will do")
        .type("FILE");
    table.add("--json", &options.json,
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

[[nodiscard]] std::vector<net::SocketAddress> read_sources(const std::string& text, int family) {
    if (text.empty()) {
        return {};
    }
    Result<std::vector<net::SocketAddress>> sources =
        tools::floodtest::parse_source_addresses(text);
    if (!sources.ok()) {
        throw program::Misconfigured("--source: " + sources.error().text);
    }
    for (const net::SocketAddress& source : sources.value()) {
        if (source.family() != family) {
            throw program::Misconfigured(
                "--source: IPv4 and IPv6 do not mix; the URL's host is of the other kind");
        }
    }
    return std::move(sources).value();
}

/// Before there are processes that would all say the same.
void check_certificates(const Options& options, const std::string& host) {
    const auto made = tools::floodtest::FloodTls::make(options.tls_ca, host);
    if (!made.ok()) {
        throw program::Misconfigured("--tls-ca: " + made.error().text);
    }
}

[[nodiscard]] tools::floodtest::FloodPlan make_plan(const Options& options) {
    const Result<tools::floodtest::FloodTarget> target =
        tools::floodtest::FloodTarget::parse(options.url, options.headers);
    if (!target.ok()) {
        throw program::Misconfigured("--url: " + target.error().text);
    }
    if (target.value().is_tls()) {
        check_certificates(options, target.value().host());
    } else if (!options.tls_ca.empty()) {
        throw program::Misconfigured("--tls-ca is for a --url with https://");
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
        .tls_ca = options.tls_ca,
    };
}

int flood(const Options& options, const program::OptionTable& table) {
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
        throw_unless_done(tools::logs::LogFile::make(options.log));
    }
    run.on_log_failed = [&options](int error) {
        spdlog::error("event=log-ended file={} why={} text=\"the log ends here, the test goes on\"",
                      log_value(options.log), log_value(std::strerror(error)));
    };
    program::log_settings(table);
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
    program::OptionTable table(app);
    add_options(table, options);
    program::add_common_options(app);
    return program::run_program(app, argc, argv, [&] { return flood(options, table); });
}
