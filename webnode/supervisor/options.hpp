// The options of zcomet-webnode: what they mean, and how a supervisor hands them to its workers.
#pragma once

#include "topology/program/option_table.hpp"
#include "webnode/worker/worker_options.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::webnode::supervisor {

/// Where the broker listens that a web node starts.
inline constexpr const char* kEmbeddedBroker = "tcp://127.0.0.1:5555";
inline constexpr const char* kEmbeddedFeed = "tcp://127.0.0.1:5556";
/// Where backends publish by default, at a web node with a broker of its own.
inline constexpr std::uint16_t kEmbeddedApiPort = 8008;

/// More would be a mistake in the command line: a worker fills a core.
/// @limit workers of a web node
inline constexpr unsigned kWorkersMax = 1024;

struct WebNodeOptions {
    /// What every worker needs to know. The name is the web node's: 1 to 56 printable characters,
    /// or empty for HOSTNAME:PORT; worker K is the node "NAME/K".
    worker::WorkerOptions worker;
    /// Whether to start a broker as a child, because no other was named.
    bool embedded_broker = false;
    std::vector<std::string> histories;       ///< of that broker
    std::vector<std::string> token_key_files; ///< WorkerOptions::token_keys has their text
    /// Pairs; WorkerOptions::tls_texts has their text.
    std::vector<std::string> tls_cert_files;
    std::vector<std::string> tls_key_files;
    /// Processes that hold streams, each with its own loop and limit of open files.
    unsigned workers = 1;
    /// Whether each worker stays on one processor.
    bool pin = false;
    /// Address of the admin page; an empty host: none.
    wire::HostPort admin;
    /// A worker whose loop has stood still for so long is killed; 0: never.
    std::chrono::seconds hang_after{10};
    std::string user; ///< as whom to run; empty: as whoever has started it
};

/// Tells a process that it is a worker. The supervisor says it; it is not for people.
struct WorkerRole {
    /// From 1; 0: this is the supervisor.
    unsigned index = 0;
    pid_t supervisor = 0;
};

/// What the command line, --config and the cluster file say.
/// Thread: the main thread.
class CommandLine {
  public:
    /// Declares the options to `app`, which must live as long as this.
    explicit CommandLine(CLI::App& app);

    /// After the parsing: reads the cluster file, and checks what belongs together.
    /// Throws program::Misconfigured with one sentence about the first mistake.
    void settle();

    /// In a worker, after it has taken what SIGHUP has changed: what that means for options().
    /// Throws program::Misconfigured if the supervisor is of another build.
    void resettle();
    /// In the supervisor, after SIGHUP: goes by that list of brokers if it can follow the one in
    /// use; if not, a line in the log says why.
    void use_brokers(const cluster::BrokerList& list);

    /// Complete after settle(). The supervisor fills in what it finds out: the port that the system
    /// chose, and the name that follows from it.
    [[nodiscard]] WebNodeOptions& options() { return options_; }
    [[nodiscard]] const WebNodeOptions& options() const { return options_; }
    [[nodiscard]] const WorkerRole& role() const { return role_; }
    [[nodiscard]] const program::OptionTable& table() const { return table_; }
    [[nodiscard]] program::OptionTable& table() { return table_; }

    /// Arguments, the program's name first, that make a process a worker of this one. The HTTP port
    /// must be known by now, and the name given.
    [[nodiscard]] std::vector<std::string> worker_arguments(const WorkerRole& role) const;
    /// In a worker: takes the secrets that its supervisor hands on (OptionTable::secrets()).
    /// Throws std::runtime_error if `fd` has none.
    void take_secrets(int fd);

  private:
    void add_addresses();
    void add_sizes();
    void add_slow_streams();
    void add_cut_offs();
    void add_hang_watch();
    void add_drain();
    void add_access_log();
    void add_tokens();
    void add_tls();
    void apply_cluster_file();
    void settle_brokers();
    void check() const;
    void read_key(const std::string& file);
    void read_tls();

    WebNodeOptions options_;
    WorkerRole role_;
    std::vector<std::string> brokers_;
    std::string broker_list_; ///< for workers
    std::string cluster_file_;
    std::string key_file_;
    std::string cluster_node_;
    program::OptionTable table_;
};

} // namespace zcomet::webnode::supervisor
