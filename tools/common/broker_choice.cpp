#include "tools/common/broker_choice.hpp"

#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/cluster/cluster_file.hpp"
#include "topology/link/peer_key.hpp"
#include "topology/program/core_dumps.hpp"
#include "topology/program/program.hpp"
#include "topology/wire/endpoint.hpp"

namespace zcomet::tools::common {

namespace {

std::string why_not_connectable(const std::string& text) {
    const Result<wire::HostPort> address = wire::parse_tcp_address(text);
    if (!address.ok()) {
        return address.error().text;
    }
    const bool connectable = address.value().port != 0 && address.value().host != "*";
    return connectable ? "" : in_quotes(text) + " is not an address to connect to";
}

} // namespace

void add_broker_choice(program::OptionTable& table, BrokerChoice& choice) {
    table.add("--broker", &choice.broker, "Where the broker listens")
        .type("tcp://HOST:PORT")
        .show_default()
        .check(why_not_connectable);
    table.add("--cluster", &choice.cluster_file, "Cluster file that names the broker")
        .type("FILE")
        .excludes("--broker");
    table
        .add("--key", &choice.key_file,
             "The key file that the broker knows us by; without it the one that ZCOMET_KEY names, "
             "in the environment")
        .type("FILE");
}

std::string settle_broker(BrokerChoice& choice) {
    if (!choice.cluster_file.empty()) {
        choice.broker =
            value_or_throw<program::Misconfigured>(cluster::read_cluster_file(choice.cluster_file))
                .broker_endpoint();
    }
    choice.broker = wire::tcp_endpoint(
        value_or_throw<program::Misconfigured>(wire::parse_tcp_address(choice.broker)));
    return choice.broker;
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
