// Which broker a tool talks to: --broker, or --cluster and the broker that the file names.
#pragma once

#include <string>

namespace CLI { // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace zcomet::tools::common {

struct BrokerChoice {
    std::string broker = "tcp://127.0.0.1:5555";
    std::string cluster_file; ///< empty: none
};

/// Adds --broker and --cluster, of which one may be given. `choice` must live until the options are
/// parsed.
void add_broker_options(CLI::App& app, BrokerChoice& choice);

/// "tcp://HOST:PORT". Throws std::runtime_error with "FILE:LINE: …" if the cluster file is wrong.
[[nodiscard]] std::string chosen_broker(const BrokerChoice& choice);

} // namespace zcomet::tools::common
