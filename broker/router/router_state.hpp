// The state that the parts of a router share.
//
// The parts are Refusals, Rights, Idempotency, Confirmations, Feeds, Credit, Joining, Presence,
// Sends and Queries. Each has a reference to the one RouterState and to the parts that it calls; no
// part is called by one that it calls. Router owns them all.
#pragma once

#include "broker/router/answers.hpp"
#include "broker/router/intake.hpp"
#include "broker/router/ledger.hpp"
#include "broker/router/memory.hpp"
#include "broker/router/router_host.hpp"
#include "broker/router/router_options.hpp"
#include "broker/table/counters.hpp"
#include "broker/table/peer_table.hpp"
#include "broker/table/routing_table.hpp"
#include "topology/base/time.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::broker::router {

/// One frame, and what is known of its sender.
struct Incoming {
    std::string_view connection;
    std::string_view bytes;
    /// kNoIndex: the sender has not said HELLO on this connection.
    table::PeerIndex peer = store::kNoIndex;
    Time now;
    /// Of the connection; nullptr: no keys are used, and everybody may do everything.
    const keys::KnownKey* key = nullptr;
};

struct RouterState {
    RouterHost& host;
    RouterOptions options;
    BrokerIdentity identity;
    Memory memory = {}; // before the peers, whose feeds are counted in it
    table::PeerTable peers = {};
    table::RoutingTable table = {};
    table::BrokerCounters counters = {};
    LedgerSums ledger = {};
    Intake intake = {}; // of this turn
    /// For how long the broker itself was stopped, in all: nobody's silence.
    Duration paused = {};

    /// The peer has just said something.
    void hear(table::Peer& peer, Time now) const { peer.heard = now - paused; }
    [[nodiscard]] Duration silence_of(const table::Peer& peer, Time now) const {
        return now - paused - peer.heard;
    }

    /// Sends a frame over the ROUTER, or counts that it could not be sent.
    void reply(std::string_view connection, std::string frame);
    void report(RouterEvent::Kind kind, const table::Peer& peer, std::uint64_t count = 0);

    /// Whether the broker takes as much memory as it may.
    [[nodiscard]] bool is_memory_full() const { return memory.used() >= options.memory_max; }

    void count(table::BrokerCounter counter, std::uint64_t amount = 1) {
        counters.add(counter, amount);
    }
    /// How many messages a sender may have under way without credit: as many of the smallest as fit
    /// into its window, or into one frame that is larger.
    [[nodiscard]] std::uint64_t under_way_max() const {
        return std::max<std::uint64_t>(options.sender_window_bytes, wire::kFrameBytesMax) /
               wire::message_bytes(1, 0);
    }

    /// The peer of `in` must be a node or a sender, respectively.
    [[nodiscard]] table::NodePart& node_of(const Incoming& in) { return *peers[in.peer].node(); }
    [[nodiscard]] table::SenderPart& sender_of(const Incoming& in) {
        return *peers[in.peer].sender();
    }
};

} // namespace zcomet::broker::router
