// Answers PING and QUERY, which anyone may ask.
#pragma once

#include "broker/router/feeds.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"

#include <string>

namespace zcomet::broker::router {

class Queries {
  public:
    Queries(RouterState& state, Refusals& refusals, Feeds& feeds)
        : state_(state), refusals_(refusals), feeds_(feeds) {}

    void on_ping(const Incoming& in, const wire::Ping& ping);
    void on_query(const Incoming& in, const wire::Query& query);

  private:
    [[nodiscard]] bool may_ask(const Incoming& in, const wire::Query& query);
    [[nodiscard]] std::string answer(const Incoming& in, const wire::Query& query);

    RouterState& state_;
    Refusals& refusals_;
    Feeds& feeds_;
};

} // namespace zcomet::broker::router
