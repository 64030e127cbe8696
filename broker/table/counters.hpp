// What the broker counts: each counter, and its name in `stats`.
#pragma once

#include "topology/metrics/counters.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace zcomet::broker::table {

enum class BrokerCounter : std::uint8_t {
    kFramesIn,         ///< from peers, good or bad
    kBytesIn,          ///< in those frames
    kMessagesIn,       ///< in SEND frames that were taken in
    kMessagesRouted,   ///< copies handed to feeds: a message to an id on two nodes counts twice
    kMessagesVoid,     ///< to ids that nobody holds
    kMessagesShed,     ///< let go because a node did not keep up; the node was told
    kMessagesHeld,     ///< messages to ids that one node or more holds
    kMessagesRepeated, ///< sent again by a sender, taken in before
    kMessagesRerouted, ///< of those, passed on again, since the sender had no acknowledgement
    kMessagesMissing,  ///< numbers that a sender skipped: lost on the way to the broker
    kBatchesPublished, ///< BATCH frames on the feed, empty and repeated ones included
    kBytesPublished,
    kBatchesResent,
    kResendRequests,
    kMessagesAcknowledged, ///< copies that nodes have applied
    kMessagesAbandoned,    ///< copies not acknowledged by nodes that left, died or were replaced
    kUnacknowledgedBytesDropped, ///< kept for such nodes
    kLogins,                     ///< ids that became logged in on a node
    kLogouts,                    ///< ids that a node logged out; not those of dead nodes
    kLoginsRefused, ///< ids not logged in, since there were as many as there may be; each time
    kLists,         ///< complete lists applied
    kNodesJoined,
    kNodesLeft,
    kNodesDied,
    kNodesReplaced,
    kSendersJoined,
    kSendersLeft,
    kSendersDied,
    kPeersReconnected, ///< the same process over a new connection
    kCreditsGiven,
    kCreditsWithheld, ///< how often credit was held back for a slow node
    kReceipts,
    kAcknowledgedSends, ///< SEND frames of which the sender was told where they arrived
    kDigestMismatches,  ///< a node and the broker did not agree on its ids; the list was asked for
    kPings,
    kQueries,
    kRepliesUnroutable,    ///< to peers whose connection was gone, or that read no answers
    kSubscriptionsIgnored, ///< of no topic that a node could have, or too many
    kErrors,               ///< frames refused; the next counters say why
    kErrorsUntold,         ///< of those, not answered because the peer had its fill
    kErrorsMalformed,
    kErrorsVersion,
    kErrorsUnknownKind,
    kErrorsHelloFirst,
    kErrorsWrongRole,
    kErrorsListNeeded,
    kErrorsReplaced,
    kErrorsUnknownQuery,
    kErrorsBadId,
    kErrorsOverloaded,
    // Gauges: as of the last turn.
    kIds, ///< with those whose last nodes are gone, until Router::reclaim() comes to them
    kNodes,
    kSenders,
    kCount,
};

using BrokerCounters = metrics::Counters<BrokerCounter>;

inline constexpr std::array<std::string_view, BrokerCounters::kSize> kBrokerCounterNames = {
    "frames_in",
    "bytes_in",
    "messages_in",
    "messages_routed",
    "messages_void",
    "messages_shed",
    "messages_held",
    "messages_repeated",
    "messages_rerouted",
    "messages_missing",
    "batches_published",
    "bytes_published",
    "batches_resent",
    "resend_requests",
    "messages_acknowledged",
    "messages_abandoned",
    "unacknowledged_bytes_dropped",
    "logins",
    "logouts",
    "logins_refused",
    "lists",
    "nodes_joined",
    "nodes_left",
    "nodes_died",
    "nodes_replaced",
    "senders_joined",
    "senders_left",
    "senders_died",
    "peers_reconnected",
    "credits_given",
    "credits_withheld",
    "receipts",
    "acknowledged_sends",
    "digest_mismatches",
    "pings",
    "queries",
    "replies_unroutable",
    "subscriptions_ignored",
    "errors",
    "errors_untold",
    "errors_malformed",
    "errors_version",
    "errors_unknown_kind",
    "errors_hello_first",
    "errors_wrong_role",
    "errors_list_needed",
    "errors_replaced",
    "errors_unknown_query",
    "errors_bad_id",
    "errors_overloaded",
    "ids",
    "nodes",
    "senders",
};
static_assert(!kBrokerCounterNames.back().empty(), "each counter needs its name");

} // namespace zcomet::broker::table
