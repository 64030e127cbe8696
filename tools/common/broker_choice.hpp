// Which brokers a tool talks to (--broker, or --cluster and the brokers that the file names), and
// by which key (--key).
#pragma once

#include "topology/cluster/broker_list.hpp"
#include "topology/link/security.hpp"
#include "topology/program/option_table.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::tools::common {

inline constexpr const char* kDefaultBroker = "tcp://127.0.0.1:5555";

struct BrokerChoice {
    std::vector<std::string>
        brokers; ///< as cluster::read_broker() wants them; empty: kDefaultBroker
    std::uint32_t replicas = cluster::kReplicasDefault;
    std::string cluster_file; ///< empty: none
    std::string key_file;     ///< empty: the one that the environment names, or none
};

/// Adds --broker, --replicas and --cluster, of which one may be given, and --key. `choice` lives as
/// long as the table.
void add_broker_choice(program::OptionTable& table, BrokerChoice& choice);

/// Reads the cluster file, if there is one.
/// Throws program::Misconfigured with "FILE:LINE: …" if the file is wrong; if a broker is named
/// twice.
[[nodiscard]] cluster::BrokerList settle_brokers(const BrokerChoice& choice);

/// Reads the key file, if there is one. Throws program::Misconfigured if it is wrong.
[[nodiscard]] link::Security settle_security(const BrokerChoice& choice);

} // namespace zcomet::tools::common
