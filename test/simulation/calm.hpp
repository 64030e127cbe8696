// What must hold when a cluster has been left in peace for long enough.
#pragma once

#include "test/simulation/broker_process.hpp"
#include "test/simulation/node_process.hpp"
#include "test/simulation/sender_process.hpp"

#include <vector>

namespace zcomet::sim {

/// The processes that live.
struct Cluster {
    BrokerProcess& broker;
    Promises& promises;
    std::vector<NodeProcess*> nodes;
    std::vector<SenderProcess*> senders;
};

/// Whether every node's feed is live, and every sender has a broker, nothing to send, and no
/// acknowledgement to wait for.
[[nodiscard]] bool all_ready(const Cluster& cluster);

/// The broker's table holds what the nodes hold, and the nodes themselves; everything routed to
/// them was shown or is counted; so is everything that a sender accepted, and it knows where each
/// message arrived of which it wanted to know. The ledger has no remainders. Sets each node's
/// presence (promises.hpp).
void check_calm(World& world, const Cluster& cluster);

} // namespace zcomet::sim
