// The properties of one schedule of several brokers.
#pragma once

#include "test/simulation/dispatch_process.hpp"
#include "test/simulation/network.hpp"
#include "test/simulation/world.hpp"
#include "topology/cluster/placement.hpp"
#include "topology/feed/feed_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::sim {

/// Many small clusters find more than a few large ones.
struct BrokersProfile {
    std::vector<cluster::PlacedBroker> brokers; ///< "b0", "b1", …
    std::size_t spares = 0; ///< so many of them, the last ones, are not in the list at first
    std::uint64_t list_steps_per_mille = 0; ///< of the actions: the list of brokers changes
    std::uint32_t replicas = 2;
    unsigned nodes = 2;
    unsigned senders = 1;
    std::vector<std::string> ids;
    unsigned rounds = 1;  ///< of faults, with peace after each
    unsigned actions = 5; ///< in each round
    Duration pace_min = 100us;
    Duration pace_max = 100ms;
    unsigned burst_max = 4; ///< messages given to a sender at once
    std::size_t filler_bytes_max = 40;
    std::uint64_t faults_per_mille = 0; ///< of the actions
    std::vector<Fault> faults;
    bool spares_nodes = false;           ///< faults are those of brokers and senders
    std::uint64_t awaited_per_mille = 0; ///< of messages
    DispatchProcess::Options sender;
    NetworkOptions network;
    FrameDrops drops;
    feed::FeedLimits feed;
    std::uint32_t sender_window_bytes = 0;
};

[[nodiscard]] BrokersProfile draw_brokers_profile(Random& random);

} // namespace zcomet::sim
