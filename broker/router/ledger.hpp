// Where every message went, by what senders, this broker and its nodes have counted: the sums must
// agree, or something was lost that nobody owned up to.
#pragma once

#include "broker/table/counters.hpp"
#include "broker/table/peer_table.hpp"
#include "topology/wire/frames.hpp"

#include <cstdint>
#include <string>

namespace zcomet::broker::router {

/// What peers that are gone had counted.
struct DepartedPeers {
    wire::NodeLedger nodes;
    /// Copies that nodes acknowledged after they last said what they made of them: by a RESEND,
    /// upon which they died.
    std::uint64_t unreported = 0;
    /// Chunks that waited for slow streams when their node was gone.
    std::uint64_t chunks_abandoned = 0;
    std::uint64_t sent = 0; ///< by senders

    void add(const table::NodePart& node);
    void add(const table::SenderPart& sender);
};

/// The answer to QUERY `ledger` (docs/PROTOCOL.md, section 4.8). What has its remainder at a moment
/// when messages are on their way may have none a heartbeat later.
[[nodiscard]] std::string ledger_json(const table::PeerTable& peers,
                                      const table::BrokerCounters& counters,
                                      const DepartedPeers& departed);

} // namespace zcomet::broker::router
