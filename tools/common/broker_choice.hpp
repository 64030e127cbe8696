// Which broker a tool talks to (--broker, or --cluster and the broker that the file names), and by
// which key (--key).
#pragma once

#include "topology/link/security.hpp"
#include "topology/program/option_table.hpp"

#include <string>

namespace zcomet::tools::common {

struct BrokerChoice {
    std::string broker = "tcp://127.0.0.1:5555";
    std::string cluster_file; ///< empty: none
    std::string key_file;     ///< empty: the one that the environment names, or none
};

/// Adds --broker and --cluster, of which one may be given, and --key. `choice` lives as long as the
/// table.
void add_broker_choice(program::OptionTable& table, BrokerChoice& choice);

/// Reads the cluster file, if there is one, and enters its broker in `choice`.
/// @return "tcp://HOST:PORT". Throws program::Misconfigured with "FILE:LINE: …" if the file is
/// wrong.
[[nodiscard]] std::string settle_broker(BrokerChoice& choice);

/// Reads the key file, if there is one. Throws program::Misconfigured if it is wrong.
[[nodiscard]] link::Security settle_security(const BrokerChoice& choice);

} // namespace zcomet::tools::common
