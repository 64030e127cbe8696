// Routes the messages of SEND frames to the feeds of the nodes that hold their ids.
#pragma once

#include "broker/router/confirmations.hpp"
#include "broker/router/credit.hpp"
#include "broker/router/feeds.hpp"
#include "broker/router/histories.hpp"
#include "broker/router/idempotency.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace zcomet::broker::router {

class Sends {
  public:
    Sends(RouterState& state, Refusals& refusals, Confirmations& confirmations, Feeds& feeds,
          Credit& credit, Histories& histories, Idempotency& idempotency)
        : state_(state), refusals_(refusals), confirmations_(confirmations), feeds_(feeds),
          credit_(credit), histories_(histories), idempotency_(idempotency) {}

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
    /// A message of a SEND frame that awaits its acknowledgement.
    struct AwaitedPlace {
        table::AwaitedSendIndex send;
        std::uint32_t message; // of the frame, from 0
        std::uint64_t number;  // of the sender
    };
    void route_awaited(table::SenderPart& sender, const wire::Message& message, bool repeated,
                       const AwaitedPlace& place, Time now);
    [[nodiscard]] wire::Origin split_origin(wire::Message& message);
    [[nodiscard]] std::optional<wire::Outcome> known_to(const table::SenderPart& sender,
                                                        wire::Message& message);
    /// `on_copy(NodePart&, std::uint64_t batch)` is called for each node's copy.
    template <typename OnCopy>
    std::uint32_t route(table::SenderPart& sender, const wire::Message& message, Time now,
                        OnCopy&& on_copy);
    [[nodiscard]] static bool may_send_to(const Incoming& in, std::string_view id) {
        return in.key == nullptr || in.key->may_send_to(id);
    }
    void count_not_allowed(table::SenderPart& sender, std::uint64_t number,
                           std::uint32_t& not_allowed);
    void tell_not_allowed(const Incoming& in, std::uint32_t count, wire::Confirm confirm);
    void count_in(table::SenderPart& sender, std::uint64_t number, bool repeated, bool is_known);
    void count_taken_in(table::SenderPart& sender, const wire::Send& send);

    RouterState& state_;
    Refusals& refusals_;
    Confirmations& confirmations_;
    Feeds& feeds_;
    Credit& credit_;
    Histories& histories_;
    Idempotency& idempotency_;
    std::string attributes_; // of the message in hand
};

} // namespace zcomet::broker::router
