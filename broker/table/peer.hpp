// One peer, a node or a sender that has said HELLO, as the router remembers it.
#pragma once

#include "broker/table/acknowledgements.hpp"
#include "broker/table/number_gaps.hpp"
#include "broker/table/routing_table.hpp"
#include "topology/base/rate_limit.hpp"
#include "topology/base/time.hpp"
#include "topology/feed/feed_writer.hpp"
#include "topology/feed/lag_watch.hpp"
#include "topology/keys/key_ring.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id_frame_reader.hpp"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace zcomet::broker::table {

/// A node has the same index in the routing table, which may keep the index for a while after the
/// node has gone.
using PeerIndex = NodeIndex;

/// The sum of two counts; the largest number if it is larger.
[[nodiscard]] inline std::uint64_t sum_or_max(std::uint64_t a, std::uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/// Frames of a node that wait for a later turn, in order.
struct WaitingFrames {
    std::deque<std::string> frames; ///< one or more
    std::size_t bytes = 0;          ///< of all of them
    bool only_ids = true;           ///< all are LOGIN, LOGOUT or LIST
    bool replaced = false;          ///< the first one took the place of others
    /// Checks the ids of the first one; absent: it was not begun.
    std::optional<wire::IdFrameReader> reader;
    std::optional<wire::Frame> first; ///< the first one, decoded; absent: it is not checked yet
    bool is_due = false;              ///< whether the ids of the first one are to be applied
    wire::IdList rest;                ///< those that are left of it
    std::uint64_t refused_before = 0; ///< ids of the node that had no room when it was begun
};

struct NodePart {
    NodePart(std::uint64_t feed_incarnation, const feed::FeedLimits& limits, std::string feed_topic,
             std::uint32_t resends_per_second, std::uint32_t lists_per_second, feed::FeedSum* feeds)
        : feed(feed_incarnation, limits, feeds), lag(limits.window_bytes),
          topic(std::move(feed_topic)), resends(resends_per_second), lists(lists_per_second) {}

    feed::FeedWriter feed;
    feed::LagWatch lag;
    /// Senders were held back for this node since the last look at it.
    bool is_waited_for = false;
    /// A node that got messages of one of these senders, too, and kept up.
    PeerIndex other = store::kNoIndex;
    std::string topic;
    RateLimit resends; ///< RESEND frames that are answered
    RateLimit lists;   ///< lists that are begun
    std::uint64_t changes_applied = 0;
    std::uint64_t streams = 0; ///< as in the last HEARTBEAT
    /// The change number of the LIST whose parts are coming in.
    std::optional<std::uint64_t> list_under_way;
    /// Login changes are missing, and none is applied until a LIST comes.
    bool list_needed = false;
    /// How many ids of the node are not in the table, because it had no room for them.
    std::uint64_t ids_refused = 0;
    /// When the node may be asked for its list once more, so that those ids are logged in.
    Time refused_ids_due = Time::min();
    /// Whether the feed is in the router's list of feeds that have something to publish.
    bool feed_active = false;
    Time next_feed_heartbeat = Time::min();
    /// The parts of the feed's counts that the broker's counters have already.
    std::uint64_t shed_counted = 0;
    std::uint64_t resent_counted = 0;
    std::uint64_t acknowledged_counted = 0;
    /// From the last HEARTBEAT, which is also when the node acknowledged last. Empty if the node
    /// has reported what cannot be.
    wire::NodeLedger ledger;
    bool is_disbelieved = false;
    AwaitedCopies awaited;
    /// nullptr: none wait, which is nearly always so.
    std::unique_ptr<WaitingFrames> waiting;
    /// The first of the waiting frames is done with.
    void drop_first_waiting() {
        waiting->first.reset();
        waiting->reader.reset();
        waiting->replaced = false;
        waiting->bytes -= std::min(waiting->bytes, waiting->frames.front().size());
        waiting->frames.pop_front();
        if (waiting->frames.empty()) {
            waiting.reset();
        }
    }
    std::uint64_t shed_settled = 0; ///< no copy of a shed batch up to this one is in `awaited`
};

struct SenderPart {
    /// The sender had sent messages up to this number before this broker knew it: to another
    /// broker, or to this one before the sender was taken for dead. This broker accounts only for
    /// those of them that are sent again.
    std::uint64_t sent_before = 0;
    std::uint64_t sent_again = 0; ///< how many of those were taken in here
    std::uint64_t taken_in = 0;   ///< the highest number of a message
    NumberGaps gaps{};            ///< below that number
    std::uint64_t credited = 0;
    std::size_t uncredited_bytes = 0;
    /// Whether the sender is in the router's list of senders that wait for CREDIT.
    bool credit_owed = false;
    /// When credit was first held back for the nodes below.
    std::optional<Time> withheld_since;
    /// The highest number that the sender said it had sent. More than accounted() only if frames
    /// were lost.
    std::uint64_t sent = 0;
    /// Likewise, by its present connection. A SEND may skip numbers up to this one: frames of an
    /// earlier connection may be lost, those of one connection are not.
    std::uint64_t said = 0;
    /// The most that it may say. Each WELCOME gives it a new window.
    std::uint64_t sent_max = 0;
    /// A SEND frame whose acknowledgement the sender awaits.
    struct Awaited {
        AwaitedSendIndex send = 0;
        std::uint32_t messages = 0;
    };
    absl::flat_hash_map<std::uint64_t, Awaited> awaited; ///< by the first message's number
    std::uint32_t awaited_messages = 0;                  ///< of all of them
    /// Nodes that had not kept up when messages of the sender went to them, since the last credit.
    /// Bounded.
    std::vector<PeerIndex> slow_nodes;
    /// A node that had kept up. kNoIndex: none is known.
    PeerIndex quick_node = store::kNoIndex;
    /// What the ledger's sums have of sent_here() and missing().
    std::uint64_t sent_summed = 0;
    std::uint64_t missing_summed = 0;

    /// Whether this broker has taken in the message with that number.
    [[nodiscard]] bool has_taken_in(std::uint64_t number) const {
        return number <= taken_in && !gaps.has(number);
    }
    /// The highest number up to which all missing messages are counted.
    [[nodiscard]] std::uint64_t accounted() const { return std::max(sent_before, taken_in); }
    /// Whether the sender can have sent messages up to this number, if it kept to its window.
    /// @param under_way_max  how many messages fit into a window.
    [[nodiscard]] bool may_have_sent(std::uint64_t number, std::uint64_t under_way_max) const {
        return number <= std::max(sent_max, sum_or_max(accounted(), under_way_max));
    }
    void say_sent(std::uint64_t number) {
        said = std::max(said, number);
        sent = std::max(sent, number);
    }
    /// It is welcomed, and may have another window under way; the frames of the last one may be
    /// lost.
    void note_welcome(std::uint64_t under_way_max) {
        sent_max = sum_or_max(std::max(sent_max, accounted()), under_way_max);
    }
    /// How many messages after that the sender says it has sent, and have not come.
    [[nodiscard]] std::uint64_t missing() const {
        return std::max(sent, accounted()) - accounted();
    }
    /// How many messages this broker has to account for.
    [[nodiscard]] std::uint64_t sent_here() const {
        return std::max(sent, accounted()) - sent_before + sent_again;
    }
};

struct Peer {
    std::uint64_t incarnation = 0;
    std::string name;
    std::string connection; ///< the ROUTER's routing id
    std::string address;    ///< of the other end, for people
    /// By which it joined, and comes back; nullptr: no keys are used.
    const keys::KnownKey* key = nullptr;
    wire::ListMark list; ///< of brokers, as in its last HELLO
    Time joined;
    Time heard; ///< on a clock that stands still while the broker is stopped (RouterState::hear)
    Time heartbeat_answered = Time::min();
    std::variant<SenderPart, NodePart> part;

    [[nodiscard]] NodePart* node() { return std::get_if<NodePart>(&part); }
    [[nodiscard]] const NodePart* node() const { return std::get_if<NodePart>(&part); }
    [[nodiscard]] SenderPart* sender() { return std::get_if<SenderPart>(&part); }
    [[nodiscard]] const SenderPart* sender() const { return std::get_if<SenderPart>(&part); }
    [[nodiscard]] wire::Role role() const {
        return node() != nullptr ? wire::Role::kNode : wire::Role::kSender;
    }
};

} // namespace zcomet::broker::table
