// Tells streams that they missed messages: all that were open at one moment, at an even pace.
#pragma once

#include "topology/base/time.hpp"
#include "topology/base/uneven_pace.hpp"
#include "topology/history/catch_up.hpp"
#include "topology/history/patterns.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/stream/polls.hpp"
#include "webnode/stream/stream_table.hpp"

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::stream {

/// Each stream that is told may ask its backend for what it missed, and all streams of a cluster
/// may be cut off at once. So very many are told within kTime, beginning anywhere, in steps of
/// uneven size; a few are told within a moment.
///
/// Thread: the worker's loop only.   Memory: a record for each connection that became a stream
/// during a round and was accepted before it.
class GapTeller {
  public:
    /// @limit time within which all streams are told that they missed messages
    static constexpr Duration kTime = 10s;

    /// They live longer than this.
    /// @param seed  random: different for each worker.
    GapTeller(connection::Connections& connections, const StreamTable& streams,
              metrics::Counters<slot::WorkerCounter>& counters, std::uint64_t seed)
        : connections_(connections), streams_(streams), counters_(counters), pace_(seed) {}

    /// Whether messages to an id may be missing.
    using Concerns = std::function<bool(std::string_view id)>;
    /// The streams that are open now missed messages. If a round is under way, another one follows
    /// it.
    /// @param concerns  to which ids; empty: to all.
    void begin(Time now, Concerns concerns = {});
    /// What polls are told goes there. It lives longer than this.
    void use(Polls& polls) { polls_ = &polls; }
    /// From now on streams of such ids are not told: they catch up by themselves (Resumes).
    void leave_out(const history::Patterns& with_history) { with_history_ = with_history; }
    /// The connection has become a stream, which missed nothing so far.
    void on_open(connection::Handle handle);

    /// Tells the streams whose turn it is. Some may be closed, if they do not read.
    void turn(Time now);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const { return pace_.due(); }

  private:
    /// The streams that a gap concerns.
    struct Concerned {
        std::uint32_t newest = 0; ///< generation of the newest connection at the time of the gap
        Concerns ids{};           ///< empty: all
        /// Handles, packed, of connections that were there and became streams later.
        absl::flat_hash_set<std::uint64_t> others{};

        [[nodiscard]] bool is_newer(connection::Handle handle) const;
        [[nodiscard]] bool has(connection::Handle handle) const {
            return !is_newer(handle) && !others.contains(handle.packed());
        }
    };

    void begin_round(Time now);
    void end_round(Time now);
    void tell(std::uint32_t first, std::uint32_t count);
    [[nodiscard]] bool is_in_round() const { return pace_.due() != kNever; }

    connection::Connections& connections_;
    const StreamTable& streams_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    Polls* polls_ = nullptr; // nullptr: there are none
    UnevenPace pace_;        // of the round
    history::Patterns with_history_;
    Concerned concerned_;
    std::optional<Concerned> next_;     // of a gap since the round began
    std::uint32_t slots_ = 0;           // of the table when the round began
    std::uint32_t first_ = 0;           // the slot that comes first
    std::uint32_t done_ = 0;            // slots visited, from there on and round
    std::vector<std::string_view> ids_; // of the stream in hand
    std::string words_;                 // for it
};

} // namespace zcomet::webnode::stream
