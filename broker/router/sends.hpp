// Routes the messages of SEND frames to the feeds of the nodes that hold their ids.
#pragma once

#include "broker/router/confirmations.hpp"
#include "broker/router/credit.hpp"
#include "broker/router/feeds.hpp"
#include "broker/router/histories.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"

#include <cstdint>

namespace zcomet::broker::router {

class Sends {
  public:
    Sends(RouterState& state, Refusals& refusals, Confirmations& confirmations, Feeds& feeds,
          Credit& credit, Histories& histories)
        : state_(state), refusals_(refusals), confirmations_(confirmations), feeds_(feeds),
          credit_(credit), histories_(histories) {}

    /// Cost:  of a message, one hash lookup and a copy into the batch of each node that holds its
    ///        id.
    void on_send(const Incoming& in, const wire::Send& send);
    /// A sender's HEARTBEAT says how many messages it has sent.
    /// @return false if that is impossible: then the frame was refused.
    [[nodiscard]] bool on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat);

  private:
    [[nodiscard]] bool may_send(const Incoming& in, const wire::Send& send);
    void route_all(const Incoming& in, const wire::Send& send);
    void route_awaited(const Incoming& in, const wire::Send& send);
    /// `on_copy(NodePart&, std::uint64_t batch)` is called for each node's copy.
    template <typename OnCopy>
    std::uint32_t route(table::SenderPart& sender, const wire::Message& message, Time now,
                        OnCopy&& on_copy);
    void count_in(table::SenderPart& sender, std::uint64_t number, bool repeated);
    void count_taken_in(table::SenderPart& sender, const wire::Send& send);

    RouterState& state_;
    Refusals& refusals_;
    Confirmations& confirmations_;
    Feeds& feeds_;
    Credit& credit_;
    Histories& histories_;
};

} // namespace zcomet::broker::router
