// Adds up where every message went, by the counts of senders, this broker and its nodes. If the
// sums do not agree, a message was lost without being counted as lost.
#pragma once

#include "broker/table/counters.hpp"
#include "broker/table/peer_table.hpp"
#include "topology/wire/frames.hpp"

#include <cstdint>
#include <string>

namespace zcomet::broker::router {

/// Whether a node can have counted that on its present feed: no number falls, and none is larger
/// than what it is a part of.
/// @param before        what the node reported last.
/// @param acknowledged  the messages on the feed that it has acknowledged.
[[nodiscard]] bool is_possible(const wire::NodeLedger& now, const wire::NodeLedger& before,
                               std::uint64_t acknowledged);

/// The counts of peers that are gone. Sums that would be too large stay at the largest number.
struct DepartedPeers {
    wire::NodeLedger nodes;
    /// Copies acknowledged by nodes whose reports are not believed.
    std::uint64_t disbelieved = 0;
    /// Copies that nodes acknowledged after their last report of what became of their messages. A
    /// node does so by a RESEND, when it dies before its next HEARTBEAT.
    std::uint64_t unreported = 0;
    /// Chunks that waited for slow streams when their node was gone.
    std::uint64_t chunks_abandoned = 0;
    std::uint64_t sent = 0; ///< by senders

    void add(const table::NodePart& node);
    void add(const table::SenderPart& sender);
};

/// The answer to QUERY `ledger` (docs/PROTOCOL.md, section 4.8). A remainder at a moment when
/// messages are on their way may be gone a heartbeat later.
/// Cost:  a step for each peer, some 35 ns; Queries limits how often that is in a turn.
[[nodiscard]] std::string ledger_json(const table::PeerTable& peers,
                                      const table::BrokerCounters& counters,
                                      const DepartedPeers& departed);

} // namespace zcomet::broker::router
