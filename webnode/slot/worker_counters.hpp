// A worker's counters and the record that holds them: one for each worker, in memory shared with
// the supervisor, so that reading them costs the worker nothing and they outlive a crash.
//
// The counts of messages add up, for each worker, at the end of each turn of its loop and after its
// process has ended in any way:
//
//     chunks_given = chunks_written + chunks_dropped + chunks_pending
//
// A chunk is one message for one stream. It is given when the message's turn comes for that stream;
// then the stream's number #N goes up. It is written when the kernel has taken its last byte,
// dropped when the rest of it will not be written any more, and pending while it waits in the
// stream's outbox. Bytes that the kernel has taken may still be lost with their connection.
#pragma once

#include "topology/base/time.hpp"
#include "topology/metrics/counters.hpp"
#include "topology/metrics/metric.hpp"
#include "topology/process/shared_records.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zcomet::webnode::slot {

/// kWorkerMetrics says what each is.
enum class WorkerCounter : std::uint8_t {
    kStreams,
    kConnections,
    kIds,
    kPendingBytes,
    kUnfinishedBytes,
    kAccepted,
    kRequests,
    kResponses2xx,
    kResponses3xx,
    kResponses4xx,
    kResponses5xx,
    kRequestsShed,
    kMessagesReceived,
    kMessagesUnclaimed,
    kMessagesGiven,
    kChunksGiven,
    kChunksWritten,
    kChunksDropped,
    kChunksPending,
    kStreamsSlow,
    kBytesWritten,
    kSlowCloses,
    kDeadlineCloses,
    kPeerCloses,
    kVanishedCloses,
    kDoneCloses,
    kNoRoomCloses,
    kInputCloses,
    kStreamsMax,
    kAddressMost,
    kAddressRefusals,
    kStreamsRefused,
    kProxyRefusals,
    kTlsHandshakes,
    kTlsResumed,
    kTlsFailures,
    kHostRefusals,
    kTokenRefusals,
    kTokensUnchecked,
    kTokenEnds,
    kHookAsked,
    kHookHits,
    kHookLetIn,
    kHookRefused,
    kHookFailed,
    kHookWaiting,
    kFull,
    kFullTimes,
    kFeedBatches,
    kFeedGaps,
    kFeedRepeats,
    kFeedMessagesLost,
    kFeedBadFrames,
    kLoginListsSent,
    kBrokerLosses,
    kFeedReconnects,
    kReplacedTimes,
    kReplacedCloses,
    kStreamsMoved,
    kStreamsLeft,
    kStreamsCut,
    kCutOffs,
    kCutOffMs,
    kStreamsCutOff,
    kGapsTold,
    kResumes,
    kCatchUps,
    kBrokersLive,
    kCatchingUp,
    kHeldBytes,
    kHeldDrops,
    kPolls,
    kSignsOfLife,
    kApiConnections,
    kApiRequests,
    kApiResponses4xx,
    kApiResponses5xx,
    kApiHostRefusals,
    kApiTokenRefusals,
    kApiTokensUnchecked,
    kApiRequestsShed,
    kApiUnfinishedBytes,
    kPublished,
    kPublishRefusals,
    kPublishLost,
    kCount
};

/// The gauges start again at 0 with each process; the counters outlive it.
inline constexpr auto kWorkerMetrics = [] {
    using enum WorkerCounter;
    using metrics::counter;
    using metrics::gauge;
    using metrics::Unit;
    return std::array{
        gauge(kStreams, "streams", "streams that are open"),
        gauge(kConnections, "connections", "connections that are open, streams included"),
        gauge(kIds, "ids", "ids with at least one stream"),
        gauge(kPendingBytes, "pending_bytes",
              "bytes kept back for streams whose socket buffer is full", Unit::kBytes),
        gauge(kUnfinishedBytes, "unfinished_bytes", "bytes of requests that are not complete yet",
              Unit::kBytes),
        counter(kAccepted, "accepted", "connections accepted"),
        counter(kRequests, "requests", "requests answered, by a page or with an error"),
        counter(kResponses2xx, "responses_2xx",
                "answers with a status of 200 to 299, streams included"),
        counter(kResponses3xx, "responses_3xx", "answers with a status of 300 to 399"),
        counter(kResponses4xx, "responses_4xx", "answers with a status of 400 to 499"),
        counter(kResponses5xx, "responses_5xx", "answers with a status of 500 to 599"),
        counter(kRequestsShed, "requests_shed",
                "unfinished requests ended because all of them together were too large"),
        counter(kMessagesReceived, "messages_received", "messages from the feed"),
        counter(kMessagesUnclaimed, "messages_unclaimed",
                "messages whose id had no stream here any more"),
        counter(kMessagesGiven, "messages_given",
                "messages that went to one stream or more; the others wait behind earlier ones"),
        counter(kChunksGiven, "chunks_given", "messages, times the streams that each was to go to"),
        counter(kChunksWritten, "chunks_written", "chunks that the kernel took whole"),
        counter(kChunksDropped, "chunks_dropped",
                "chunks dropped by the policy for slow streams, or with a closed stream"),
        gauge(kChunksPending, "chunks_pending", "chunks that wait for their streams to read"),
        counter(kStreamsSlow, "streams_slow",
                "times that a stream which had not read began to miss messages"),
        counter(kBytesWritten, "bytes_written", "bytes taken by the kernel", Unit::kBytes),
        counter(kSlowCloses, "slow_closes", "streams closed because they did not read"),
        counter(kDeadlineCloses, "deadline_closes",
                "connections closed because a request took too long"),
        counter(kPeerCloses, "peer_closes", "connections and streams that the browser ended"),
        counter(kVanishedCloses, "vanished_closes",
                "connections of browsers that did not answer any more: no acknowledgement came"),
        counter(kDoneCloses, "done_closes",
                "connections closed by the worker, after an answer or at the end of a stream"),
        counter(kNoRoomCloses, "no_room_closes",
                "connections closed because the kernel had no memory to watch them"),
        counter(kInputCloses, "input_closes", "streams ended because their browsers sent too much"),
        gauge(kStreamsMax, "streams_max",
              "connections that the worker may hold; 0 until it listens"),
        gauge(kAddressMost, "address_most", "connections of the host that has most of them"),
        counter(kAddressRefusals, "address_refusals",
                "connections refused because their host had too many"),
        counter(
            kStreamsRefused, "streams_refused",
            "streams refused because the node had no broker, or another process had its name, or "
            "it was ending"),
        counter(kProxyRefusals, "proxy_refusals",
                "connections of trusted proxies that did not begin with a PROXY header"),
        counter(kTlsHandshakes, "tls_handshakes", "TLS handshakes that were made"),
        counter(kTlsResumed, "tls_resumed",
                "of these, the short ones of clients that came back with a ticket"),
        counter(kTlsFailures, "tls_failures", "TLS handshakes that failed"),
        counter(kHostRefusals, "host_refusals",
                "requests refused because their Host is no name of this node; in the totals also "
                "those to the admin page"),
        counter(kTokenRefusals, "token_refusals",
                "times that a request's token was missing, not good, or not for an id"),
        counter(kTokensUnchecked, "tokens_unchecked",
                "requests refused since too many tokens had signatures that were not good"),
        counter(kTokenEnds, "token_ends",
                "streams ended because their tokens, or what the hook had said, had expired"),
        counter(kHookAsked, "hook_asked", "requests for streams that the hook was asked about"),
        counter(kHookHits, "hook_hits",
                "requests that were decided by an answer of the hook that was remembered"),
        counter(kHookLetIn, "hook_let_in", "requests that the hook let in"),
        counter(kHookRefused, "hook_refused", "requests that the hook refused"),
        counter(kHookFailed, "hook_failed", "requests refused because the hook had no good answer"),
        gauge(kHookWaiting, "hook_waiting", "requests that wait for the hook"),
        gauge(kFull, "full", "1 while the listener is out of the group for want of room"),
        counter(kFullTimes, "full_times",
                "times that the listener began to leave for want of room or descriptors"),
        counter(kFeedBatches, "feed_batches", "batches of the feed applied"),
        counter(kFeedGaps, "feed_gaps", "gaps in the feed that were seen and asked for again"),
        counter(kFeedRepeats, "feed_repeats", "batches that came twice and were applied once"),
        counter(kFeedMessagesLost, "feed_messages_lost", "messages shed by the broker"),
        counter(kFeedBadFrames, "feed_bad_frames",
                "frames from the broker that were ignored because they could not be read"),
        counter(kLoginListsSent, "login_lists_sent", "complete lists of ids sent to the broker"),
        counter(kBrokerLosses, "broker_losses",
                "times that the broker was not heard for its liveness time"),
        counter(kFeedReconnects, "feed_reconnects",
                "times that the feed was connected anew because nothing came over it"),
        counter(kReplacedTimes, "replaced_times",
                "times that another process took the node's name"),
        counter(kReplacedCloses, "replaced_closes",
                "streams ended because another process had the node's name"),
        counter(kStreamsMoved, "streams_moved",
                "streams told to go on at another node, as this one ended"),
        counter(kStreamsLeft, "streams_left", "streams that ended by themselves meanwhile"),
        counter(kStreamsCut, "streams_cut",
                "of those that were told, streams whose last bytes were not written"),
        counter(kCutOffs, "cut_offs",
                "times that the broker had begun another feed when it was heard again"),
        counter(kCutOffMs, "cut_off_ms", "milliseconds without a feed before these times"),
        counter(kStreamsCutOff, "streams_cut_off", "streams that were open at these times"),
        counter(kGapsTold, "gaps_told", "times that a stream was told that it missed messages"),
        counter(kResumes, "resumes", "streams that opened with a cursor"),
        counter(kCatchUps, "catch_ups",
                "streams that asked a history for what they missed while their node was cut off"),
        gauge(kBrokersLive, "brokers_live", "brokers whose feeds are live"),
        gauge(kCatchingUp, "catching_up", "streams that wait for a history, polls included"),
        gauge(kHeldBytes, "held_bytes", "bytes of live messages that wait for them", Unit::kBytes),
        counter(kHeldDrops, "held_drops",
                "times that what waited for a stream was too much, and was asked for again"),
        gauge(kPolls, "polls", "long polls that are open, among the streams"),
        counter(kSignsOfLife, "signs_of_life", "signs of life that quiet streams were given"),
        gauge(kApiConnections, "api_connections", "open connections of the API"),
        counter(kApiRequests, "api_requests", "requests to the API"),
        counter(kApiResponses4xx, "api_responses_4xx",
                "answers of the API with a status of 400 to 499"),
        counter(kApiResponses5xx, "api_responses_5xx",
                "answers of the API with a status of 500 to 599"),
        counter(kApiHostRefusals, "api_host_refusals", "such requests to the API"),
        counter(kApiTokenRefusals, "api_token_refusals",
                "times that a token was missing, not good, or not for an id, at the API"),
        counter(kApiTokensUnchecked, "api_tokens_unchecked", "such requests to the API"),
        counter(kApiRequestsShed, "api_requests_shed",
                "unfinished requests to the API ended because all of them together were too large"),
        gauge(kApiUnfinishedBytes, "api_unfinished_bytes",
              "bytes of requests to the API that are not complete yet", Unit::kBytes),
        counter(kPublished, "published", "messages that clients of the API had sent, for each id"),
        counter(kPublishRefusals, "publish_refusals",
                "such messages refused: no broker, or it held senders back"),
        counter(kPublishLost, "publish_lost",
                "such messages of which it is not known whether they were sent: the broker was "
                "lost"),
    };
}();
static_assert(metrics::is_table_of<WorkerCounter>(kWorkerMetrics));

enum class WorkerState : std::uint32_t {
    kDown,     ///< no process
    kStarting, ///< not live yet, so not listening
    kWelcomed, ///< the broker answers, but its feed is not heard
    kLive,     ///< listening, and the feed is live
    kLost,     ///< listening, but the broker is not heard
    kDraining, ///< ending
    kReplaced, ///< not listening: another process has the node's name
    kRefused,  ///< the broker answers, and does not take the node
};

inline constexpr std::size_t kWorkerStates = 8;

[[nodiscard]] constexpr std::string_view name_of(WorkerState state) {
    constexpr std::array<std::string_view, kWorkerStates> kNames{
        "down", "starting", "welcomed", "live", "lost", "draining", "replaced", "refused"};
    return kNames[static_cast<std::size_t>(state)];
}

/// A worker's loop has a turn at least this often, so that its supervisor sees that it works.
inline constexpr Duration kTurnsApartMax = 1s;

/// One worker's record. The worker writes `counters`, `state` and `turns`; the supervisor writes
/// `pid` and `restarts`, and resets the record while no worker runs. It has a cache line of its
/// own, so that workers do not slow each other.
struct alignas(64) WorkerSlot {
    metrics::Counters<WorkerCounter> counters;
    std::atomic<WorkerState> state{WorkerState::kDown};
    std::atomic<std::int32_t> pid{0};
    std::atomic<std::uint64_t> restarts{0};
    std::atomic<std::uint64_t> turns{0}; ///< of the worker's loop, in all of its processes

    /// For the next process. Call while no worker writes here.
    void reset_gauges() {
        // Messages that a killed process held are gone with it.
        counters.set(WorkerCounter::kChunksDropped,
                     counters.get(WorkerCounter::kChunksGiven) -
                         counters.get(WorkerCounter::kChunksWritten));
        for (const metrics::Metric& metric : kWorkerMetrics) {
            if (metric.kind == metrics::Kind::kGauge) {
                counters.set(static_cast<WorkerCounter>(metric.id), 0);
            }
        }
    }
};
static_assert(sizeof(WorkerSlot) == 704, "docs/ARCHITECTURE.md says so");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");

/// The records of all workers. The supervisor makes them; a worker inherits the descriptor.
using SharedSlots = process::SharedRecords<WorkerSlot>;

} // namespace zcomet::webnode::slot
