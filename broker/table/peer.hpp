// What the router remembers of one peer: a node or a sender that said HELLO.
#pragma once

#include "broker/table/acknowledgements.hpp"
#include "broker/table/routing_table.hpp"
#include "topology/base/time.hpp"
#include "topology/feed/feed_writer.hpp"
#include "topology/wire/frames.hpp"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace zcomet::broker::table {

/// A peer that is a node has the same index in the routing table, which may keep it for a while
/// after the node has gone.
using PeerIndex = NodeIndex;

struct NodePart {
    NodePart(std::uint64_t feed_incarnation, const feed::FeedLimits& limits, std::string feed_topic)
        : feed(feed_incarnation, limits), topic(std::move(feed_topic)) {}

    feed::FeedWriter feed;
    std::string topic;
    std::uint64_t changes_applied = 0;
    std::uint64_t streams = 0; ///< as in the last HEARTBEAT
    /// The change number of the LIST whose parts are coming in.
    std::optional<std::uint64_t> list_under_way;
    /// Login changes are missing: none is applied until a LIST comes.
    bool list_needed = false;
    /// Ids of the node that are not in the table, since that had no room for them.
    std::uint64_t ids_refused = 0;
    /// When the node may be asked for its list once more, to have those logged in.
    Time refused_ids_due = Time::min();
    /// Whether the router has it among the feeds that have something to publish.
    bool feed_active = false;
    Time next_feed_heartbeat = Time::min();
    /// What of the feed's own counts was added to the broker's already.
    std::uint64_t shed_counted = 0;
    std::uint64_t resent_counted = 0;
    std::uint64_t acknowledged_counted = 0;
    /// What it said of itself in its last HEARTBEAT, which is also when it acknowledged last.
    wire::NodeLedger ledger;
    AwaitedCopies awaited;
    std::uint64_t shed_settled = 0; ///< up to here, no copies of shed batches are among them
};

struct SenderPart {
    /// Up to this number it had sent before this broker knew of it: to another broker, or to this
    /// one before it was taken for dead. What became of those is not this broker's to account for,
    /// but of those that it sends again.
    std::uint64_t sent_before = 0;
    std::uint64_t sent_again = 0; ///< how many of those were taken in here
    std::uint64_t taken_in = 0;   ///< the highest number of a message
    std::uint64_t credited = 0;
    std::size_t uncredited_bytes = 0;
    /// Whether the router has it among the senders that wait for CREDIT.
    bool credit_owed = false;
    /// When credit was first held back for the nodes below.
    std::optional<Time> withheld_since;
    /// The highest number that it said it had sent; more than accounted() only if frames were lost.
    std::uint64_t sent = 0;
    /// A SEND frame whose acknowledgement it awaits.
    struct Awaited {
        AwaitedSendIndex send = 0;
        std::uint32_t messages = 0;
    };
    absl::flat_hash_map<std::uint64_t, Awaited> awaited; ///< by the first message's number
    std::uint32_t awaited_messages = 0;                  ///< of all of them
    /// Nodes that its messages since the last credit went to and that had not kept up. Bounded.
    std::vector<PeerIndex> slow_nodes;

    /// Up to here nothing is missing that the gaps counted so far do not explain.
    [[nodiscard]] std::uint64_t accounted() const { return std::max(sent_before, taken_in); }
    /// How many messages after that are said to be sent and have not come.
    [[nodiscard]] std::uint64_t missing() const {
        return std::max(sent, accounted()) - accounted();
    }
    /// How many this broker has to account for.
    [[nodiscard]] std::uint64_t sent_here() const {
        return std::max(sent, accounted()) - sent_before + sent_again;
    }
};

struct Peer {
    std::uint64_t incarnation = 0;
    std::string name;
    std::string connection; ///< the ROUTER's routing id
    std::string address;    ///< where it came from, for people
    Time joined;
    Time heard;
    Time heartbeat_answered = Time::min();
    std::variant<SenderPart, NodePart> part;

    [[nodiscard]] NodePart* node() { return std::get_if<NodePart>(&part); }
    [[nodiscard]] const NodePart* node() const { return std::get_if<NodePart>(&part); }
    [[nodiscard]] SenderPart* sender() { return std::get_if<SenderPart>(&part); }
    [[nodiscard]] wire::Role role() const {
        return node() != nullptr ? wire::Role::kNode : wire::Role::kSender;
    }
};

} // namespace zcomet::broker::table
