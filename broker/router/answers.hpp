// What ANSWER frames (docs/PROTOCOL.md, section 4.8) and the admin page show.
#pragma once

#include "broker/table/counters.hpp"
#include "broker/table/peer_table.hpp"
#include "broker/table/routing_table.hpp"
#include "topology/base/time.hpp"
#include "topology/metrics/snapshot.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::broker::router {

/// Which broker it is, for `stats`.
struct BrokerIdentity {
    std::string name;
    std::uint64_t incarnation = 0;
    Time started;
};

[[nodiscard]] std::string nodes_json(const table::PeerTable& peers,
                                     const table::RoutingTable& table, Time now);
/// `id` is valid.
[[nodiscard]] std::string who_json(const table::PeerTable& peers, const table::RoutingTable& table,
                                   std::string_view id);
/// What the admin page shows.
[[nodiscard]] metrics::Snapshot stats_snapshot(const BrokerIdentity& broker,
                                               const table::BrokerCounters& counters, Time now);
/// The same, as the answer to the query `stats`.
[[nodiscard]] std::string stats_json(const BrokerIdentity& broker,
                                     const table::BrokerCounters& counters, Time now);

/// A number as 16 hexadecimal digits, as incarnations are shown to people.
[[nodiscard]] std::string hex_u64(std::uint64_t value);

} // namespace zcomet::broker::router
