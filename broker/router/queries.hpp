// Answers PING and QUERY, which anyone may ask.
//
// A query needs no HELLO, and some answers walk all peers. So the queries of one turn may take only
// a number of steps together. Further queries wait for the next turns, in order, and when too many
// wait a query is refused.
#pragma once

#include "broker/router/feeds.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"

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
    /// @limit queries that wait for a later turn of the broker
    static constexpr std::size_t kWaitingMax = 1024;

    Queries(RouterState& state, Refusals& refusals, Feeds& feeds)
        : state_(state), refusals_(refusals), feeds_(feeds) {}

    void on_ping(const Incoming& in, const wire::Ping& ping);
    void on_query(const Incoming& in, const wire::Query& query);

    /// A turn begins: answers queries that wait.
    void turn(Time now);
    [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }

  private:
    struct Waiting {
        std::string connection;
        std::uint64_t token = 0;
        std::string what;
        std::string argument;
    };

    [[nodiscard]] bool may_ask(const Incoming& in, const wire::Query& query);
    void answer(std::string_view connection, const wire::Query& query, Time now);
    [[nodiscard]] std::string json_for(const wire::Query& query, Time now);
    [[nodiscard]] std::uint32_t steps_for(const wire::Query& query) const;

    RouterState& state_;
    Refusals& refusals_;
    Feeds& feeds_;
    std::deque<Waiting> waiting_;
    std::uint32_t steps_ = 0; // of this turn
};

} // namespace zcomet::broker::router
