// The command line of zcomet-broker.
#pragma once

#include "broker/shell/broker.hpp"
#include "topology/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace CLI { // NOLINT(readability-identifier-naming): that is its name
class App;
}

namespace zcomet::broker::shell {

/// What the user gave; what was not given is empty, so that the cluster file may give it.
struct BrokerFlags {
    std::string listen;
    std::string feed;
    std::string admin;
    std::string name;
    std::string advertise;
    std::string cluster_file;
    std::string host;
    std::uint32_t liveness_ms = 3000;
    std::uint32_t sender_window_bytes = router::RouterOptions{}.sender_window_bytes;
    std::size_t feed_window_bytes = feed::FeedLimits{}.window_bytes;
    std::size_t feed_bound_bytes = feed::FeedLimits{}.bound_bytes;
    std::uint32_t peers_max = router::RouterOptions{}.peers_max;
    std::uint32_t ids_max = router::RouterOptions{}.ids_max;
    /// Run the broker as a child, and keep it running.
    bool supervise = false;
    /// With it: a broker whose loop has stood still for this many seconds is killed; 0: never.
    std::uint32_t hang_seconds = 10;
    // Not for people: what a supervisor says to its broker.
    bool supervised = false; ///< this is that child
    int pulse_fd = -1;       ///< where to give signs of life; -1: nowhere
    /// The addresses that an earlier process of this broker had; they win over all of the above.
    std::string bound_listen;
    std::string bound_feed;
    std::string bound_admin;
};

/// `flags` must outlive the parsing.
void add_broker_options(CLI::App& app, BrokerFlags& flags);

/// Options for Broker::open(), from flags, the cluster file and defaults, in this order. Those that
/// are drawn at random are drawn.
/// Errors:  an address that is none; a cluster file with a mistake, or without this host's broker;
/// bounds that contradict each other.
[[nodiscard]] Result<BrokerOptions> to_broker_options(const BrokerFlags& flags);

} // namespace zcomet::broker::shell
