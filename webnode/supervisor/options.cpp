#include "webnode/supervisor/options.hpp"

#include "topology/base/result.hpp"
#include "topology/cluster/cluster_file.hpp"
#include "webnode/port/keepalive.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

namespace zcomet::webnode::supervisor {

namespace {

/// A node's name has 64 bytes in the protocol; "/K" takes up to five, and some are left for later.
constexpr std::size_t kNameBytesMax = 56;
constexpr std::size_t kStreamBufferMin = 1024;
constexpr std::size_t kStreamBufferMax = 64U << 20U;
constexpr std::uint32_t kDeadlineMinMs = 100;
constexpr std::uint32_t kDeadlineMaxMs = 600'000;
constexpr std::uint32_t kHangSecondsMax = 86'400;

template <typename T> T value_or_throw(Result<T> result) {
    if (!result.ok()) {
        throw std::runtime_error(result.error().text);
    }
    return std::move(result).value();
}

void check_name(const std::string& name) {
    const bool printable =
        std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (!printable || name.size() > kNameBytesMax) {
        throw std::runtime_error("--name takes 1 to " + std::to_string(kNameBytesMax) +
                                 " printable characters without spaces");
    }
}

/// Fills in what the cluster file says of this node; flags that were given win.
void apply_cluster_file(const CommandLine& line, WebNodeOptions& options) {
    const auto cluster = value_or_throw(cluster::read_cluster_file(line.cluster_file));
    const auto node = value_or_throw(cluster.web_node(line.cluster_node));
    if (line.brokers.empty()) {
        options.broker = cluster.broker_endpoint();
        options.embedded_broker = false;
    }
    if (line.http.empty()) {
        options.http = {cluster.host(node.host).address, node.http_port};
    }
    if (options.name.empty()) {
        options.name = node.name;
    }
    if (options.admin.empty()) {
        options.admin = node.admin;
    }
    if (options.workers == 0) {
        options.workers = node.workers;
    }
}

void add_network_options(CLI::App& app, CommandLine& line) {
    app.add_option("--broker", line.brokers,
                   "The broker to join; without it (and without --cluster) this starts one of its "
                   "own, at tcp://127.0.0.1:5555")
        ->type_name("tcp://HOST:PORT")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_option("--http", line.http, "Where browsers connect [0.0.0.0:8000]; port 0: any")
        ->type_name("HOST:PORT");
    app.add_option("--admin", line.options.admin,
                   "Serve GET /stats (JSON) here; port 0: any. Without it there is no such page")
        ->type_name("HOST:PORT");
    app.add_option("--cluster", line.cluster_file, "Take addresses from this cluster file")
        ->type_name("FILE");
    app.add_option("--node", line.cluster_node, "Which web node of the cluster file this is")
        ->type_name("NAME");
}

void add_size_options(CLI::App& app, CommandLine& line) {
    line.options.workers = 0; // so that a cluster file's number shows through
    app.add_option("--workers", line.options.workers,
                   "Processes that share the port, each a node of the cluster [1]")
        ->type_name("N")
        ->check(CLI::Range(1U, kWorkersMax));
    app.add_flag("--pin", line.options.pin,
                 "Keep each worker on one processor, the next one for each: cheaper where messages "
                 "come one by one, slower where other programs want the same processors");
    app.add_option("--name", line.options.name,
                   "Name in the broker's list of nodes: worker K is NAME/K [HOSTNAME:HTTPPORT]");
    app.add_option("--max-streams", line.options.streams_max,
                   "Connections a worker holds at most [what its limit of open files allows]")
        ->type_name("N")
        ->check(CLI::Range(1U, 100'000'000U));
    app.add_option(
           "--stream-buffer", line.options.stream_buffer_bytes,
           "Bytes kept for a stream that does not read; with more --slow-streams says what follows")
        ->type_name("BYTES")
        ->capture_default_str()
        ->check(CLI::Range(kStreamBufferMin, kStreamBufferMax));
    app.add_option("--slow-streams", line.slow_streams,
                   "What a stream for which too much is kept is to lose: itself, its oldest "
                   "messages, or all but the latest, which needs no such bound")
        ->type_name("POLICY")
        ->capture_default_str()
        ->check(CLI::IsMember(std::vector<std::string>(connection::kSlowPolicyNames.begin(),
                                                       connection::kSlowPolicyNames.end())));
    app.add_option("--request-deadline-ms", line.options.request_deadline_ms,
                   "How long a request may take to arrive")
        ->type_name("MS")
        ->capture_default_str()
        ->check(CLI::Range(kDeadlineMinMs, kDeadlineMaxMs));
    app.add_option("--vanished-after", line.options.vanished_seconds,
                   "How long the stream of a browser that vanished without a word lives on")
        ->type_name("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(port::KeepaliveTimes::kMin.count(), port::KeepaliveTimes::kMax.count()));
    app.add_option("--hang-after", line.options.hang_seconds,
                   "Kill and restart a worker that has done nothing at all for so long; 0: never")
        ->type_name("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(0U, kHangSecondsMax))
        ->check([](const std::string& text) {
            return text == "1" ? "a worker may sleep for a second: 0, or 2 and more" : "";
        });
}

void check_cluster_flags(const CommandLine& line) {
    if (line.brokers.size() > 1) {
        throw std::runtime_error("--broker was given " + std::to_string(line.brokers.size()) +
                                 " times; this release joins one broker");
    }
    if (line.cluster_file.empty() != line.cluster_node.empty()) {
        throw std::runtime_error("--cluster FILE and --node NAME belong together");
    }
}

} // namespace

void add_web_node_options(CLI::App& app, CommandLine& line) {
    add_network_options(app, line);
    add_size_options(app, line);
    // An empty group keeps them out of --help.
    app.add_option("--worker-index", line.role.index)->group("");
    app.add_option("--worker-of", line.role.supervisor)->group("");
}

WebNodeOptions settle_options(const CommandLine& line) {
    check_cluster_flags(line);
    WebNodeOptions options = line.options;
    options.embedded_broker = line.brokers.empty();
    if (!line.brokers.empty()) {
        options.broker = line.brokers.front();
    }
    if (!line.http.empty()) {
        options.http = value_or_throw(wire::parse_host_port(line.http));
    }
    if (!line.cluster_file.empty()) {
        apply_cluster_file(line, options);
    }
    options.workers = std::max(options.workers, 1U);
    options.slow_streams = connection::slow_policy(line.slow_streams).value();
    if (value_or_throw(wire::parse_tcp_endpoint(options.broker)).port == 0) {
        throw std::runtime_error("--broker " + options.broker + ": it needs a port to connect to");
    }
    if (!options.admin.empty()) {
        static_cast<void>(value_or_throw(wire::parse_host_port(options.admin)));
    }
    check_name(options.name);
    return options;
}

std::vector<std::string> worker_arguments(const WebNodeOptions& options, const WorkerRole& role) {
    std::vector<std::string> arguments{
        "zcomet-webnode",
        "--broker=" + options.broker,
        "--http=" + options.http.text(),
        "--name=" + options.name,
        "--stream-buffer=" + std::to_string(options.stream_buffer_bytes),
        "--slow-streams=" + std::string(connection::name_of(options.slow_streams)),
        "--request-deadline-ms=" + std::to_string(options.request_deadline_ms),
        "--vanished-after=" + std::to_string(options.vanished_seconds),
        "--worker-index=" + std::to_string(role.index),
        "--worker-of=" + std::to_string(role.supervisor)};
    if (options.streams_max != 0) {
        arguments.push_back("--max-streams=" + std::to_string(options.streams_max));
    }
    if (options.pin) {
        arguments.emplace_back("--pin");
    }
    const auto level = spdlog::level::to_string_view(spdlog::get_level());
    arguments.push_back("--log-level=" + std::string(level.data(), level.size()));
    return arguments;
}

} // namespace zcomet::webnode::supervisor
