#include "test/simulation/calm_brokers.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string>

namespace zcomet::sim {

namespace {

/// Each broker's table is the placement and what nodes hold.
void check_tables(World& world, const BrokersCluster& cluster, std::size_t broker) {
    for (IdNumber id = 0; id < cluster.promises.ids().size(); ++id) {
        const std::string& name = cluster.promises.ids()[id];
        std::set<std::string> expected;
        for (const UplinkProcess* node : cluster.nodes) {
            if (node->holds(id) && cluster.placement.brokers_of(name).contains(broker)) {
                expected.insert(node->process_name());
            }
        }
        const auto answer = nlohmann::json::parse(cluster.brokers[broker]->ask("who", name));
        std::set<std::string> found;
        for (const auto& node : answer["nodes"]) {
            found.insert(node.get<std::string>());
        }
        if (found != expected) {
            world.violate(fmt::format("broker {} should know {} nodes that hold id {}, and says {}",
                                      broker, expected.size(), name, answer.dump()));
        }
    }
}

void check_nodes(World& world, const BrokersCluster& cluster, std::size_t broker) {
    const auto listed = nlohmann::json::parse(cluster.brokers[broker]->ask("nodes", ""));
    const std::size_t expected = cluster.listed.test(broker) ? cluster.nodes.size() : 0;
    if (listed.size() != expected) {
        world.violate(
            fmt::format("broker {} lists {} nodes, not {}", broker, listed.size(), expected));
    }
    if (!cluster.listed.test(broker)) {
        return;
    }
    for (const UplinkProcess* node : cluster.nodes) {
        const auto entry = std::find_if(listed.begin(), listed.end(), [&](const auto& candidate) {
            return candidate["incarnation"] == fmt::format("{:016x}", node->incarnation());
        });
        if (entry == listed.end() || (*entry)["name"] != node->process_name() ||
            !(*entry)["live"] || (*entry)["streams"] != node->streams() ||
            (*entry)["unacknowledged_bytes"] != 0) {
            world.violate(fmt::format("{} holds {} streams, and broker {} lists {}",
                                      node->process_name(), node->streams(), broker,
                                      listed.dump()));
        }
        if (!node->session(broker).is_in_touch(world.now())) {
            world.violate(fmt::format("{} is live, and does not hear broker {} each heartbeat",
                                      node->process_name(), broker));
        }
    }
}

void check_ledger(World& world, const BrokersCluster& cluster, std::size_t broker) {
    const auto ledger = nlohmann::json::parse(cluster.brokers[broker]->ask("ledger", ""));
    for (const auto& [name, sums] : ledger.items()) {
        // The last report of a node that was lost may have messages whose fate came later.
        const bool has_lost = cluster.has_lost_nodes || cluster.left.test(broker) ||
                              ledger["nodes"]["cut_off_ms"] > 0;
        const bool may_differ = has_lost && (name == "received" || name == "chunks");
        if (sums["remainder"] != 0 && !may_differ) {
            world.violate(fmt::format("the ledger of broker {} has a remainder in {}: {}", broker,
                                      name, ledger.dump()));
        }
    }
}

} // namespace

bool all_ready(const BrokersCluster& cluster) {
    return std::all_of(cluster.nodes.begin(), cluster.nodes.end(),
                       [](const UplinkProcess* node) { return node->is_ready(); }) &&
           std::all_of(cluster.senders.begin(), cluster.senders.end(),
                       [](const DispatchProcess* sender) { return sender->is_ready(); });
}

void check_calm(World& world, const BrokersCluster& cluster) {
    for (std::size_t broker = 0; broker < cluster.brokers.size(); ++broker) {
        check_tables(world, cluster, broker);
        check_nodes(world, cluster, broker);
        check_ledger(world, cluster, broker);
    }
    for (const DispatchProcess* sender : cluster.senders) {
        const std::uint64_t open =
            cluster.promises.unanswered(sender->account(), [](IdNumber) { return true; });
        if (open > 0) {
            world.violate(fmt::format("{} was not told where {} messages arrived",
                                      sender->process_name(), open));
        }
    }
    for (const UplinkProcess* node : cluster.nodes) {
        for (IdNumber id = 0; id < cluster.promises.ids().size(); ++id) {
            node->account().is_steady[id] = node->holds(id);
        }
    }
    cluster.promises.on_calm();
}

} // namespace zcomet::sim
