// What the processes of a load test count, in memory that they share with the process that started
// them, and how that process shows it.
#pragma once

#include "tools/floodtest/histogram.hpp"
#include "topology/metrics/counters.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace zcomet::tools::floodtest {

enum class FloodCounter : std::uint8_t {
    kConnected,    ///< streams whose response head came: 200 and chunked
    kClosed,       ///< such streams that ended before they were told to
    kChunks,       ///< whole chunks with a message
    kRefused,      ///< failed: connection refused
    kTimedOut,     ///< failed: no response head in time
    kBadStatus,    ///< failed: a status code other than 200
    kClosedEarly,  ///< failed: connection ended before the response head did
    kMalformed,    ///< failed: not an HTTP response with a chunked body
    kOtherError,   ///< failed: any other error of the system; see last_errno
    kLogLinesLost, ///< lines of the log that could not be written; see log_errno
    kCount
};

/// What one process counts. Plain memory, all zero at first.
/// Thread: written by one process; counters may be read at any time, the histograms when it ended.
struct FloodTally {
    static constexpr std::size_t kStatusCodes = 1000;

    metrics::Counters<FloodCounter> counters;
    std::atomic<int> last_errno = 0;
    std::atomic<int> log_errno = 0;
    /// When the last message came, since 1970; 0: none has.
    std::atomic<std::uint64_t> last_message_ns = 0;
    /// How often each status code other than 200 was the answer.
    std::array<std::atomic<std::uint32_t>, kStatusCodes> status_codes{};
    /// connect() to the end of the response head.
    Histogram connect_time;
    /// A stamp in a message to its arrival here. A stamp from a clock that is ahead counts as 0.
    Histogram latency;
};

/// The sum over all processes.
struct FloodTotals {
    std::array<std::uint64_t, metrics::Counters<FloodCounter>::kSize> counters{};
    [[nodiscard]] std::uint64_t get(FloodCounter name) const {
        return counters[static_cast<std::size_t>(name)];
    }
    void add(const FloodTally& tally);

    /// Streams that never got as far as connected.
    [[nodiscard]] std::uint64_t failed() const;
    /// Streams that are open now.
    [[nodiscard]] std::uint64_t open() const;
};

/// "Stats: {825,0,0}": open streams, closed streams, chunks; the form of the 2008 floodtest.
[[nodiscard]] std::string stats_line(const FloodTotals& totals);

/// What a run came to. The tallies are merged here once the processes have ended.
struct FloodResult {
    std::uint64_t wanted = 0;
    unsigned processes = 0;
    bool interrupted = false; ///< by a signal, before all streams were opened
    FloodTotals totals;
    std::array<std::uint64_t, FloodTally::kStatusCodes> status_codes{};
    int last_errno = 0;
    int log_errno = 0;
    Histogram connect_time;
    Histogram latency;
    std::uint64_t began_ns = 0;        ///< when the first stream was due, since 1970
    std::uint64_t last_message_ns = 0; ///< when the last message came; 0: none did
    double opening_s = 0;  ///< from the first connect() until every stream was open or had failed
    double measured_s = 0; ///< from then to the end
    std::uint64_t measured_chunks = 0; ///< chunks in that time
    double cpu_s = 0;                  ///< of all processes together

    void add(const FloodTally& tally);
    /// Whether every stream was opened, none ended by itself and the log is whole. An interrupted
    /// run may pass.
    [[nodiscard]] bool passed() const;
    /// Chunks a second once all streams were open; over the whole run if that was never so.
    [[nodiscard]] double chunks_per_s() const;
};

/// Several lines for people.
[[nodiscard]] std::string summary_text(const FloodResult& result);
/// One line of JSON for machines. Durations are in nanoseconds.
[[nodiscard]] std::string summary_json(const FloodResult& result);

} // namespace zcomet::tools::floodtest
