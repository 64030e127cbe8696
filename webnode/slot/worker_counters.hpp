// What a worker counts, and the record in which it does: one for each worker, in memory that the
// supervisor shares, so that reading them costs the worker nothing and they outlive a crash.
//
// What becomes of messages adds up. Of each worker, at each end of a turn of its loop, and after
// its process has ended, however it ended:
//
//     chunks_given = chunks_written + chunks_dropped + chunks_pending
//
// A chunk is one message for one stream. It is given when the message's turn comes for that stream,
// which is when the stream's number #N goes up; it is written when the kernel has taken its last
// byte, dropped when nobody will write (the rest of) it any more, and pending while it waits in the
// stream's outbox. What the kernel has taken may still be lost with its connection.
#pragma once

#include "topology/base/time.hpp"
#include "topology/metrics/counters.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace zcomet::webnode::slot {

enum class WorkerCounter : std::uint8_t {
    kStreams,           ///< open now
    kConnections,       ///< open now, streams included
    kIds,               ///< with at least one stream, now
    kPendingBytes,      ///< kept back for streams whose socket buffer is full, now
    kAccepted,          ///< connections accepted
    kRequests,          ///< answered, by a page or with an error
    kResponses2xx,      ///< answers by class, streams included
    kResponses3xx,      //
    kResponses4xx,      //
    kResponses5xx,      //
    kMessagesReceived,  ///< from the feed
    kMessagesUnclaimed, ///< whose id had no stream here any more
    kMessagesGiven,     ///< that went to one stream or more; the others wait behind earlier ones
    kChunksGiven,       ///< messages, times the streams that each was to go to
    kChunksWritten,     ///< of these: taken whole by the kernel
    kChunksDropped,     ///< of these: by the policy for slow streams, or with a closed stream
    kChunksPending,     ///< of these: in streams' outboxes, now
    kStreamsSlow,       ///< times a stream that had not read began to miss messages
    kBytesWritten,      ///< taken by the kernel
    kSlowCloses,        ///< streams closed because they did not read
    kDeadlineCloses,    ///< connections closed because a request took too long
    kPeerCloses,        ///< connections and streams that the browser ended
    kVanishedCloses,    ///< of browsers that did not answer any more: no acknowledgement came
    kStreamsMax,        ///< connections that the worker may hold, now; 0 until it listens
    kFull,              ///< 1 while its listener is out of the group for want of room, now
    kFullTimes,         ///< times the listener began to leave for want of room or descriptors
    kFeedBatches,       ///< applied
    kFeedGaps,          ///< seen, and asked for again
    kFeedRepeats,       ///< batches that came twice and were applied once
    kFeedMessagesLost,  ///< shed by the broker
    kFeedBadFrames,     ///< from the broker, ignored
    kLoginListsSent,    ///< whole lists
    kBrokerLosses,      ///< times the broker was not heard for its liveness time
    kCount
};

/// In the order of WorkerCounter.
// clang-format off
inline constexpr std::array<std::string_view, metrics::Counters<WorkerCounter>::kSize> kWorkerCounterNames{
    "streams",
    "connections",
    "ids",
    "pending_bytes",
    "accepted",
    "requests",
    "responses_2xx",
    "responses_3xx",
    "responses_4xx",
    "responses_5xx",
    "messages_received",
    "messages_unclaimed",
    "messages_given",
    "chunks_given",
    "chunks_written",
    "chunks_dropped",
    "chunks_pending",
    "streams_slow",
    "bytes_written",
    "slow_closes",
    "deadline_closes",
    "peer_closes",
    "vanished_closes",
    "streams_max",
    "full",
    "full_times",
    "feed_batches",
    "feed_gaps",
    "feed_repeats",
    "feed_messages_lost",
    "feed_bad_frames",
    "login_lists_sent",
    "broker_losses",
};
// clang-format on

/// Counters that say how much there is now, not how often something happened: they start again at 0
/// with each process.
inline constexpr std::array kWorkerGauges{
    WorkerCounter::kStreams,      WorkerCounter::kConnections,   WorkerCounter::kIds,
    WorkerCounter::kPendingBytes, WorkerCounter::kChunksPending, WorkerCounter::kStreamsMax,
    WorkerCounter::kFull};

enum class WorkerState : std::uint32_t {
    kDown,     ///< no process
    kStarting, ///< not live yet, so not listening
    kLive,     ///< listening, and the feed is live
    kLost,     ///< listening, but the broker is not heard
    kDraining, ///< ending
};

[[nodiscard]] constexpr std::string_view name_of(WorkerState state) {
    constexpr std::array<std::string_view, 5> kNames{"down", "starting", "live", "lost",
                                                     "draining"};
    return kNames[static_cast<std::size_t>(state)];
}

/// A worker's loop has a turn at least this often, for its supervisor to see that it works.
inline constexpr Duration kTurnsApartMax = 1s;

/// One worker's record. The worker writes `counters`, `state` and `turns`; the supervisor writes
/// `pid` and `restarts`, and resets the record while no worker runs. A line of its own in the
/// cache, so that workers do not slow each other.
struct alignas(64) WorkerSlot {
    metrics::Counters<WorkerCounter> counters;
    std::atomic<WorkerState> state{WorkerState::kDown};
    std::atomic<std::int32_t> pid{0};
    std::atomic<std::uint64_t> restarts{0};
    std::atomic<std::uint64_t> turns{0}; ///< of the worker's loop, in all of its processes

    /// For the next process. Call while no worker writes here.
    void reset_gauges() {
        // What waited in a process that was killed, or was in its hands, is gone with it.
        counters.set(WorkerCounter::kChunksDropped,
                     counters.get(WorkerCounter::kChunksGiven) -
                         counters.get(WorkerCounter::kChunksWritten));
        for (const WorkerCounter gauge : kWorkerGauges) {
            counters.set(gauge, 0);
        }
    }
};
static_assert(sizeof(WorkerSlot) == 320, "docs/ARCHITECTURE.md says so");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");
static_assert(kWorkerCounterNames.back() != std::string_view{}, "a name for each counter");

} // namespace zcomet::webnode::slot
