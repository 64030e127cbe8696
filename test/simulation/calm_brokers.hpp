// What must hold when a cluster of several brokers has been left alone for long enough.
#pragma once

#include "test/simulation/broker_process.hpp"
#include "test/simulation/dispatch_process.hpp"
#include "test/simulation/uplink_process.hpp"
#include "topology/cluster/login_placement.hpp"

#include <vector>

namespace zcomet::sim {

/// The processes that live.
struct BrokersCluster {
    std::vector<BrokerProcess*> brokers;
    ClusterPromises& promises;
    const cluster::LoginPlacement& placement; ///< by the numbers in the brokers' names
    cluster::BrokerSet listed;                ///< likewise
    cluster::BrokerSet left;                  ///< brokers that nodes have left, at any time
    std::vector<UplinkProcess*> nodes;
    std::vector<DispatchProcess*> senders;
    /// Whether a node has ended. Nobody was told what became of the messages that it had in hand.
    bool has_lost_nodes = false;
};

/// Whether every node has a live feed of each broker, and every sender can use each broker, and
/// has nothing to send or to wait for.
[[nodiscard]] bool all_ready(const BrokersCluster& cluster);

/// Checks that each broker knows all nodes, and the ids that are placed at it, and no others; that
/// its ledger has no remainders; that every sender knows what became of the messages for which it
/// wanted to know that. From now on nodes are steady, and nothing is touched
/// (promises_brokers.hpp).
void check_calm(World& world, const BrokersCluster& cluster);

} // namespace zcomet::sim
