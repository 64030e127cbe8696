// The properties of one schedule: how large its cluster is, how fast, how faulty.
#pragma once

#include "broker/history/rules.hpp"
#include "broker/router/router.hpp"
#include "test/simulation/network.hpp"
#include "test/simulation/sender_process.hpp"
#include "test/simulation/world.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::sim {

/// Which nodes take batches at a slow pace, at the end of a schedule, from a sender at full speed.
enum class Crawl : std::uint8_t { kNobody, kOne, kAll };

/// A schedule has only a few kinds of faults: too many at once hide each other.
struct Profile {
    unsigned nodes = 1;
    unsigned senders = 1;
    std::vector<std::string> ids;
    std::size_t streams_at_start = 0; ///< of each node, each with an id of its own
    unsigned rounds = 1;              ///< of faults, with peace after each
    unsigned actions = 10;            ///< in each round
    Duration pace_min = 100us;        ///< between two actions
    Duration pace_max = 100ms;
    unsigned burst_max = 6; ///< messages given to a sender at once
    std::size_t filler_bytes_max = 40;
    std::uint64_t faults_per_mille = 0; ///< of the actions
    std::vector<Fault> faults;
    SenderProcess::Faults senders_faults;
    std::uint64_t takeovers_per_mille = 0;  ///< of actions, in addition
    std::uint64_t confirms_per_mille = 0;   ///< of logins
    std::uint64_t awaited_per_mille = 0;    ///< of messages: those to be acknowledged
    std::uint64_t attributed_per_mille = 0; ///< of messages: those with attributes
    std::uint64_t keyed_per_mille = 0;      ///< of messages: those with a key
    NetworkOptions network;
    FrameDrops drops;
    feed::FeedLimits feed;
    std::uint32_t sender_window_bytes = 0;
    std::uint32_t ids_per_turn = 1024;
    std::uint32_t peers_per_turn = 1024;
    Crawl crawl = Crawl::kNobody;
    std::vector<broker::history::Rule> history; ///< each for one id, so that ids share no bounds
    std::uint64_t history_bytes = broker::router::RouterOptions{}.history_bytes;
    bool history_bytes_are_few = false; ///< so few that messages go early
};

/// @param more_random, history_random  as in World.
[[nodiscard]] Profile draw_profile(Random& random, Random& more_random, Random& history_random);

} // namespace zcomet::sim
