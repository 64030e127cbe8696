// The options of a router.
#pragma once

#include "topology/base/time.hpp"
#include "topology/feed/feed_writer.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace zcomet::broker::router {

struct RouterOptions {
    /// 1 to 64 printable ASCII characters.
    std::string name = "broker";
    /// Random, not 0; drawn once for each process.
    std::uint64_t incarnation = 0;
    /// Where nodes are to connect their SUB, as docs/PROTOCOL.md, section 4.1 has it.
    std::string feed_endpoint;
    /// A peer that is silent for this long is dead.
    /// @limit silence after which a peer is dead (`--liveness-ms`)
    Duration liveness = 3s;
    /// Peers are told to send a HEARTBEAT this often: a third of the above, so that two in a row
    /// may be lost.
    Duration heartbeat_interval = 1s;
    feed::FeedLimits feed;
    /// Bytes of SEND frames that a sender may have under way without CREDIT.
    /// @limit bytes that a sender has under way (`--sender-window`)
    std::uint32_t sender_window_bytes = 256U << 10U;
    /// Nodes and senders together. A HELLO beyond that is answered by ERROR `overloaded`.
    /// @limit peers of a broker (`--peers-max`)
    std::uint32_t peers_max = 100'000;
    /// Ids that nodes may hold together; an id on two nodes counts twice. Further ids are not
    /// logged in, and their node is told by ERROR `overloaded`. An id takes some 60 bytes, so this
    /// many take three gigabytes: more ids than any measured cluster needs, and less memory than
    /// the machine of a broker has. A node that logs in without end loses its own ids by this, and
    /// the broker goes on.
    /// @limit ids of a broker, one on two nodes counting twice, some 3 GB (`--ids-max`)
    std::uint32_t ids_max = 50'000'000;
    /// Links of ids that nodes no longer hold whose memory is given back in a turn. A link takes
    /// some 0.5 µs (2 µs on a busy machine), so these take about as long as the frames of a turn,
    /// and a million are gone in a thousand turns.
    /// @limit links of departed ids that a broker gives back in a turn
    std::uint32_t links_per_turn = 1024;
    /// Version of the cluster's list of brokers; 0: a single broker.
    std::uint64_t table_version = 0;
    /// Draws the incarnations of feeds: random, not 0. Injected so that a simulation replays.
    std::function<std::uint64_t()> random;
};

} // namespace zcomet::broker::router
