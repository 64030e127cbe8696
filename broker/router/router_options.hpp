// The options of a router.
#pragma once

#include "broker/history/rules.hpp"
#include "topology/base/time.hpp"
#include "topology/feed/feed_writer.hpp"
#include "topology/wire/frames.hpp"

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
    /// Whether the operator has said that no keys are asked for (`--insecure`): answers tell it.
    bool is_insecure = false;
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
    /// Queries answered in a second, in all, and at once after a quiet second. Some answers take a
    /// millisecond and 100 kB, so these take a fiftieth of a loop's time. A person's command asks
    /// one or two; a page of a very large cluster's nodes takes a 20th of a second.
    /// @limit queries answered in a second (`--queries-max`)
    std::uint32_t queries_per_second = 20;
    /// @limit age of an answer to QUERY `nodes` or `ledger` that another client gets as well
    Duration answer_age = 100ms;
    /// RESEND frames of one node that are answered in a second. Each publishes up to a window
    /// again; a node repeats its request after 100 ms.
    /// @limit requests of a node for batches that are answered in a second (`--resends-max`)
    std::uint32_t resends_per_second = 10;
    /// Lists of one node that are begun in a second, and at once after a quiet second. A node
    /// sends its list when it joins, and when it is asked for it, at a HEARTBEAT or after a change
    /// was lost. Further lists wait, and each replaces the one before it.
    /// @limit lists of a node that a broker begins to apply in a second
    std::uint32_t lists_per_second = 2;
    /// Ids that one node may hold: twice as many as a million streams with an id each, and some 200
    /// MB. Further ids are refused like those above ids_max, so that one node cannot take the ids
    /// of all.
    /// @limit ids of one node (`--ids-per-node`)
    std::uint32_t ids_per_node = 2'000'000;
    /// Bytes that feeds, awaited copies, queues and tables may take together (`--memory-max`). At
    /// the bound the feeds that keep most lose their oldest batches, and ids and peers are refused.
    std::uint64_t memory_max = UINT64_MAX;
    /// Ids of LOGIN, LOGOUT and LIST frames that a turn applies: of those that come in, and as many
    /// of those that wait. With what is reclaimed for each, an id takes about a microsecond.
    /// @limit ids that a broker logs in or out in a turn, at once and of frames that wait, each
    std::uint32_t ids_per_turn = 1024;
    /// Bytes of a node's frames that wait for a later turn: a list of two million ids of 64 bytes.
    /// Beyond that the frames are dropped, and the node is asked for its list.
    /// @limit bytes of a node's frames that wait for a later turn (`--waiting-max`)
    std::size_t waiting_bytes_max = 128U << 20U;
    /// Links of ids that nodes no longer hold whose memory is given back in a turn. A link takes
    /// some 0.5 µs (2 µs on a busy machine), so these take about as long as the frames of a turn,
    /// and a million are gone in a thousand turns.
    /// @limit links of departed ids that a broker gives back in a turn
    std::uint32_t links_per_turn = 1024;
    /// Peers that a turn looks over: whether they are dead, and what their feeds are due. A peer
    /// takes some 0.2 µs, and 2 µs when its feed publishes its heartbeat, so these take about as
    /// long as the frames of a turn.
    /// @limit peers that a broker looks over in a turn
    std::uint32_t peers_per_turn = 1024;
    /// Which ids have a history, and how much of it.
    history::Rules history;
    /// Bytes of all kept messages. At the bound the oldest go.
    /// @limit bytes of all histories of a broker (`--history-bytes`)
    std::uint64_t history_bytes = 256U << 20U;
    /// The system's clock when the router begins, in milliseconds since 1970: for positions.
    std::uint64_t unix_ms = 0;
    /// This broker's place in the cluster file.
    std::uint8_t number = 0;
    /// The cluster's list of brokers, as this broker's cluster file has it.
    wire::ListMark list = {};
    /// Draws the incarnations of feeds: random, not 0. Injected so that a simulation replays.
    std::function<std::uint64_t()> random;
};

} // namespace zcomet::broker::router
