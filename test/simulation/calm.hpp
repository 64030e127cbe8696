// What must hold when a cluster has been left alone for long enough.
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

/// Whether every node's feed is live, all its streams have caught up, and every sender has a
/// broker, nothing to send, and no acknowledgement to wait for.
[[nodiscard]] bool all_ready(const Cluster& cluster);

/// Checks that the broker's table holds the nodes and the ids that they hold; that every message
/// routed to them was shown or counted; that the same holds for every message that a sender
/// accepted, and that the sender knows where it arrived if it asked; that each stream of an id with
/// a history has all that it is owed. The ledger must have no
/// remainders, and must not say that more messages are missing than were sent. Sets each node's
/// presence (promises.hpp).
void check_calm(World& world, const Cluster& cluster);

} // namespace zcomet::sim
