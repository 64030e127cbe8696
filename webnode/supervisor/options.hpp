// The options of zcomet-webnode: what they mean, and how a supervisor hands them to its workers.
#pragma once

#include "topology/wire/endpoint.hpp"
#include "webnode/connection/slow_policy.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace CLI { // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace zcomet::webnode::supervisor {

/// Where the broker that a web node brings along listens.
inline constexpr const char* kEmbeddedBroker = "tcp://127.0.0.1:5555";
inline constexpr const char* kEmbeddedFeed = "tcp://127.0.0.1:5556";

/// More would be a mistake in the command line: a worker fills a core.
inline constexpr unsigned kWorkersMax = 1024;

struct WebNodeOptions {
    /// "tcp://HOST:PORT" of the broker.
    std::string broker = kEmbeddedBroker;
    /// Start a broker as a child, since no other was named.
    bool embedded_broker = false;
    /// Where browsers connect; port 0: the system chooses.
    wire::HostPort http{"0.0.0.0", 8000};
    /// Processes that hold streams, each with its own loop and limit of open files.
    unsigned workers = 1;
    /// Each worker stays on one processor.
    bool pin = false;
    /// 1 to 56 printable characters; empty: HOSTNAME:PORT. Worker K is the node "NAME/K".
    std::string name;
    /// HOST:PORT of the admin page; empty: none.
    std::string admin;
    /// Connections a worker holds at most; 0: as many as its limit of open files allows.
    std::uint32_t streams_max = 0;
    /// Bytes kept back for a stream that does not read, before its policy takes effect.
    std::size_t stream_buffer_bytes = 65'536;
    /// What becomes of such a stream then.
    connection::SlowPolicy slow_streams = connection::SlowPolicy::kClose;
    /// How long a request may take to arrive, from the accept on.
    std::uint32_t request_deadline_ms = 10'000;
    /// A browser that vanished without a word is found after this many seconds.
    std::uint32_t vanished_seconds = 60;
    /// A worker whose loop has stood still for this many seconds is killed; 0: never.
    std::uint32_t hang_seconds = 10;
};

/// What tells a process that it is a worker. Not for people: a supervisor says it.
struct WorkerRole {
    /// From 1; 0: this is the supervisor.
    unsigned index = 0;
    pid_t supervisor = 0;
};

/// What the command line said, before it is checked.
struct CommandLine {
    WebNodeOptions options;
    WorkerRole role;
    std::vector<std::string> brokers;
    std::string http;
    std::string cluster_file;
    std::string cluster_node;
    std::string slow_streams{connection::name_of(connection::SlowPolicy::kClose)};
};

/// Declares the options; parsing fills `line`, which must live as long as `app`.
void add_web_node_options(CLI::App& app, CommandLine& line);

/// Checks what belongs together and reads the cluster file.
/// Throws std::runtime_error with one sentence about the first mistake.
[[nodiscard]] WebNodeOptions settle_options(const CommandLine& line);

/// Arguments, the program's name first, that make a process a worker of this one. The HTTP port
/// must be known by now, and the name given.
[[nodiscard]] std::vector<std::string> worker_arguments(const WebNodeOptions& options,
                                                        const WorkerRole& role);

} // namespace zcomet::webnode::supervisor
