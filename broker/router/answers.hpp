// Makes what ANSWER frames (docs/PROTOCOL.md, section 4.8) and the admin page show.
#pragma once

#include "broker/table/counters.hpp"
#include "broker/table/peer_table.hpp"
#include "broker/table/routing_table.hpp"
#include "topology/base/time.hpp"
#include "topology/metrics/snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::broker::router {

/// The identity of a broker, for `stats`.
struct BrokerIdentity {
    std::string name;
    std::uint64_t incarnation = 0;
    Time started;
};

/// Nodes that one answer names at most. They take some 100 kB and a millisecond or two.
/// @limit nodes that one answer to a query names
inline constexpr std::uint32_t kNodesPerPage = 500;
/// Peers that one answer looks at, senders among them.
/// @limit peers that a query looks at
inline constexpr std::uint32_t kPeersPerPage = 8192;

/// What an answer about nodes says beside the tables.
struct Circumstances {
    Time now;
    Duration paused{};        ///< for how long the broker was stopped so far
    bool is_insecure = false; ///< as RouterOptions has it
};

/// One page of the nodes, by rising index. A node keeps its index, so one that stays while somebody
/// asks for page after page is in exactly one of them.
/// @param from  index of the first peer of the page; 0 at the beginning.
[[nodiscard]] std::string nodes_json(const table::PeerTable& peers,
                                     const table::RoutingTable& table, table::PeerIndex from,
                                     const Circumstances& at);
/// The same with one node alone.
/// @param index  of a node.
[[nodiscard]] std::string one_node_json(const table::PeerTable& peers,
                                        const table::RoutingTable& table, table::PeerIndex index,
                                        const Circumstances& at);
/// The argument of QUERY `nodes` for the page that begins at a peer.
[[nodiscard]] std::string page_argument(table::PeerIndex from);
/// @return the peer at which the page begins, 0 for an empty argument; absent if the argument is
///     not one of page_argument().
[[nodiscard]] std::optional<table::PeerIndex> parse_page_argument(std::string_view argument);

/// The names of the nodes that hold an id.
/// @param id  valid (topology/wire/id.hpp).
/// Cost:  a step for each of them.
[[nodiscard]] std::string who_json(const table::PeerTable& peers, const table::RoutingTable& table,
                                   std::string_view id);
/// Which list of brokers this broker goes by, and how many of its nodes and senders go by the same
/// one, an older one, a newer one, or one without a version.
/// Cost:  a step for each peer.
[[nodiscard]] std::string brokers_json(const BrokerIdentity& broker, const wire::ListMark& list,
                                       const table::PeerTable& peers);
/// What the admin page shows.
[[nodiscard]] metrics::Snapshot stats_snapshot(const BrokerIdentity& broker,
                                               const table::BrokerCounters& counters, Time now);
/// The same, as the answer to the query `stats`.
[[nodiscard]] std::string stats_json(const BrokerIdentity& broker,
                                     const table::BrokerCounters& counters, Time now);

/// A number as 16 hexadecimal digits, as incarnations are shown to people.
[[nodiscard]] std::string hex_u64(std::uint64_t value);

} // namespace zcomet::broker::router
