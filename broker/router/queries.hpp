// Answers PING and QUERY, which anyone may ask.
//
// A query needs no HELLO, some answers are long, and some walk all peers. So queries are rated: so
// many a second are answered in all, and the others wait, in order, for a second or two. Those of
// one turn take only a number of steps together. When too many wait, or too many of one connection,
// a query is refused. Answers about all peers are kept for a moment, for others that ask the same.
// A query that costs little more than a PING (`who` and `streams`, of few nodes) is not rated, as a
// PING is not.
#pragma once

#include "broker/router/answers.hpp"
#include "broker/router/feeds.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"
#include "broker/router/stream_counts.hpp"
#include "topology/base/rate_limit.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace zcomet::broker::router {

class Queries {
  public:
    /// A step is what a node costs in an answer to `nodes`: some 2 µs. The last query of a turn may
    /// take more than is left.
    static constexpr std::uint32_t kStepsPerTurn = 1000;
    /// So few that the last one has its answer within two seconds at the ordinary rate: whoever
    /// asks waits no longer than three.
    /// @limit queries that wait for a later turn of the broker
    static constexpr std::size_t kWaitingMax = 32;
    /// @limit queries of one connection that wait
    static constexpr std::size_t kWaitingPerPeerMax = 8;

    Queries(RouterState& state, Refusals& refusals, Feeds& feeds)
        : state_(state), refusals_(refusals), feeds_(feeds), stream_counts_(state),
          rate_(state.options.queries_per_second) {}

    /// The router has other options.
    void on_options() { rate_.set(state_.options.queries_per_second); }

    void on_ping(const Incoming& in, const wire::Ping& ping);
    void on_query(const Incoming& in, const wire::Query& query);
    /// Of a node that may ask only that: `nodes`, and the answer has itself alone.
    void on_query_about_itself(const Incoming& in, const wire::Query& query);
    /// A node answers a question of this broker.
    void on_answer(const Incoming& in, const wire::Answer& answer) {
        stream_counts_.on_answer(in, answer);
    }

    /// A turn begins: answers queries that wait.
    void turn(Time now);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  private:
    struct Waiting {
        std::string connection;
        std::uint64_t token = 0;
        std::string what;
        std::string argument;
    };
    /// An answer about all peers, as of `made`.
    struct Kept {
        std::string argument;
        std::string json;
        Time made = Time::min();
    };

    [[nodiscard]] bool may_ask(const Incoming& in, const wire::Query& query);
    [[nodiscard]] bool may_wait(std::string_view connection) const;
    [[nodiscard]] std::size_t waiting_of(std::string_view connection) const;
    void answer(std::string_view connection, const wire::Query& query, Time now);
    [[nodiscard]] Circumstances circumstances(Time now) const;
    [[nodiscard]] std::string drain_json(std::string_view name);
    [[nodiscard]] std::string json_for(const wire::Query& query, Time now);
    template <typename Make>
    const std::string& kept_json(Kept& kept, std::string_view argument, Time now, Make&& make);
    [[nodiscard]] bool is_fresh(const Kept& kept, std::string_view argument, Time now) const;
    [[nodiscard]] std::uint32_t steps_for(const wire::Query& query, Time now) const;

    RouterState& state_;
    Refusals& refusals_;
    Feeds& feeds_;
    StreamCounts stream_counts_;
    RateLimit rate_;
    std::deque<Waiting> waiting_;
    std::uint32_t steps_ = 0; // of this turn
    Kept nodes_;              // the last page that was asked for
    Kept ledger_;
};

} // namespace zcomet::broker::router
