#include "tools/common/broker_choice.hpp"

#include "topology/cluster/cluster_file.hpp"
#include "topology/wire/endpoint.hpp"

#include <CLI/CLI.hpp>

#include <stdexcept>

namespace zcomet::tools::common {

namespace {

/// @return what is wrong, empty if nothing: the form that CLI11 asks of a check.
std::string why_not_connectable(const std::string& text) {
    const Result<wire::HostPort> address = wire::parse_tcp_endpoint(text);
    if (!address.ok()) {
        return address.error().text;
    }
    const bool connectable = address.value().port != 0 && address.value().host != "*";
    return connectable ? "" : "\"" + text + "\" is not an address to connect to";
}

} // namespace

void add_broker_options(CLI::App& app, BrokerChoice& choice) {
    auto* const broker = app.add_option("--broker", choice.broker, "Where the broker listens")
                             ->type_name("tcp://HOST:PORT")
                             ->capture_default_str()
                             ->check(CLI::Validator(why_not_connectable, ""));
    app.add_option("--cluster", choice.cluster_file, "Cluster file that names the broker")
        ->type_name("FILE")
        ->excludes(broker);
}

std::string chosen_broker(const BrokerChoice& choice) {
    if (choice.cluster_file.empty()) {
        return choice.broker;
    }
    const Result<cluster::Cluster> cluster = cluster::read_cluster_file(choice.cluster_file);
    if (!cluster.ok()) {
        throw std::runtime_error(cluster.error().text);
    }
    return cluster.value().broker_endpoint();
}

} // namespace zcomet::tools::common
