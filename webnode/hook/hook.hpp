// Asks a backend whether a client may open its stream (`--auth hook`).
//
// A request for a stream waits while the hook is asked. Its answer is a verdict, with which the
// request is served again from its beginning (request::Requests::go_on()). An answer that may be
// remembered decides at once for the next request like it.
#pragma once

#include "topology/auth/claims.hpp"
#include "topology/base/time.hpp"
#include "topology/loop/source.hpp"
#include "topology/metrics/counters.hpp"
#include "topology/wire/owned_ids.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/hook/cache.hpp"
#include "webnode/hook/caller.hpp"
#include "webnode/hook/fair_queue.hpp"
#include "webnode/hook/url.hpp"
#include "webnode/request/asker.hpp"
#include "webnode/request/gate.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::hook {

/// Descriptors that a hook may need: its connections, and a look-up.
inline constexpr std::size_t kFilesMax = Caller::kCallsMax + 4;

/// Thread: the worker's loop only.
class Hook final : public request::Asker, public loop::Source, private connection::CloseListener {
  public:
    /// @limit requests that wait for a hook's answer, for each worker
    static constexpr std::size_t kWaitingMax = 4096;
    /// @limit bytes of these requests
    static constexpr std::size_t kWaitingBytesMax = 16U << 20U;

    /// @param timeout      from a request to its answer.
    /// @param connections  live longer than this, as `counters` do.
    Hook(Url url, std::chrono::seconds timeout, connection::Connections& connections,
         metrics::Counters<slot::WorkerCounter>& counters,
         std::function<auth::UnixSeconds()> clock = request::unix_now,
         std::function<Time()> steady_clock = Clock::now);
    ~Hook() override;

    [[nodiscard]] std::optional<request::Verdict>
    ask(const http::Request& request, const wire::IdList& ids, request::Ticket ticket) override;

    [[nodiscard]] std::span<const int> fds() const override;
    [[nodiscard]] std::uint32_t fds_version() const override { return caller_.fds_version(); }
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override;

    /// Calls `go_on(Ticket, std::string_view request, const Verdict&)` for each request that has
    /// its answer. It may ask more.
    template <typename GoOn> void give_verdicts(GoOn&& go_on) {
        while (!verdicts_.empty()) {
            const Verdicted one = std::move(verdicts_.front());
            verdicts_.pop_front();
            go_on(one.ticket, std::string_view(one.request), one.verdict);
        }
    }

    /// Forgets the answers that it remembers.
    void forget() { cache_.clear(); }

    /// Requests that wait.
    [[nodiscard]] std::size_t waiting() const { return by_connection_.size(); }
    /// The word of the last failure.
    [[nodiscard]] std::string_view last_failure() const { return last_failure_; }

  private:
    struct Question {
        request::Ticket ticket;
        FairQueue::Host host = 0;
        std::string request; // its head; empty: the client is gone
        wire::OwnedIds ids;
        CacheKey key{};
        Time deadline = kNever;
    };
    using Questions = std::map<std::uint64_t, Question>; // by number: the oldest first
    struct Verdicted {
        request::Ticket ticket;
        std::string request;
        request::Verdict verdict;
    };

    void on_close(connection::Handle handle, connection::Connection& connection) override;
    /// Makes room for a question, at the cost of hosts that have more waiting than its own.
    /// @return whether there is room.
    [[nodiscard]] bool make_room(const Question& question);
    /// Asks for as many of those that wait as the hook takes at a time.
    void ask_next(Time now);
    void answer(Questions::iterator question, const Decision& decision);
    [[nodiscard]] static std::size_t bytes_of(const Question& question);
    /// What a decision means for a request for these ids. Counts it.
    [[nodiscard]] request::Verdict verdict_of(const Decision& decision, const wire::IdList& ids);
    [[nodiscard]] request::Verdict refusal(int status, std::string_view why,
                                           std::string_view challenge = {});

    Url url_;
    std::chrono::seconds timeout_;
    connection::Connections& connections_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    std::function<auth::UnixSeconds()> clock_;
    std::function<Time()> steady_clock_;
    Caller caller_;
    Cache cache_;
    Questions questions_;
    std::uint64_t last_number_ = 0;
    FairQueue queue_; // of those that have not been asked yet
    std::size_t waiting_bytes_ = 0;
    absl::flat_hash_map<std::uint64_t, std::uint64_t> by_connection_; // packed handle to number
    std::deque<Verdicted> verdicts_;
    std::vector<Caller::Result> results_;
    mutable std::array<int, 2> fds_{-1, -1};
    std::string_view last_failure_ = "-";
};

} // namespace zcomet::webnode::hook
