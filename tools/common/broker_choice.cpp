#include "tools/common/broker_choice.hpp"

#include "topology/base/value_or_throw.hpp"
#include "topology/cluster/cluster_file.hpp"
#include "topology/link/peer_key.hpp"
#include "topology/program/core_dumps.hpp"
#include "topology/program/program.hpp"

namespace zcomet::tools::common {

namespace {

std::string why_no_broker(const std::string& text) {
    const auto broker = cluster::read_broker(text);
    return broker.ok() ? std::string() : broker.error().text;
}

} // namespace

void add_broker_choice(program::OptionTable& table, BrokerChoice& choice) {
    table
        .add("--broker", &choice.brokers,
             "Where the broker listens [tcp://127.0.0.1:5555]. May be given several times, as "
             "NAME=tcp://HOST:PORT: zcomet(7), SEVERAL BROKERS")
        .type("tcp://HOST:PORT")
        .check(why_no_broker);
    table.add("--replicas", &choice.replicas, "Of several brokers: how many of them know an id")
        .type("N")
        .show_default()
        .range(1U, cluster::kReplicasMax);
    table.add("--cluster", &choice.cluster_file, "Cluster file that names the brokers")
        .type("FILE")
        .excludes("--broker")
        .excludes("--replicas");
    table
        .add("--key", &choice.key_file,
             "The key file that the broker knows us by; without it the one that ZCOMET_KEY names, "
             "in the environment")
        .type("FILE");
}

cluster::BrokerList settle_brokers(const BrokerChoice& choice) {
    if (!choice.cluster_file.empty()) {
        return value_or_throw<program::Misconfigured>(
                   cluster::read_cluster_file(choice.cluster_file))
            .broker_list();
    }
    const std::vector<std::string> brokers =
        choice.brokers.empty() ? std::vector<std::string>{kDefaultBroker} : choice.brokers;
    return value_or_throw<program::Misconfigured>(
        cluster::read_broker_list(brokers, choice.replicas));
}

link::Security settle_security(const BrokerChoice& choice) {
    const std::string file = link::key_file_or_environment(choice.key_file);
    if (!file.empty()) {
        program::make_no_core_dumps();
    }
    return link::security_of_peer(
        value_or_throw<program::Misconfigured>(link::read_peer_key(file)));
}

} // namespace zcomet::tools::common
