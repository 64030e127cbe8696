// Logs ids in and out, and checks that broker and nodes know the same ids.
#pragma once

#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"

#include <cstdint>

namespace zcomet::broker::router {

class Presence {
  public:
    Presence(RouterState& state, Refusals& refusals) : state_(state), refusals_(refusals) {}

    void on_login(const Incoming& in, const wire::Login& login);
    void on_logout(const Incoming& in, const wire::Logout& logout);
    void on_list(const Incoming& in, const wire::List& list);
    /// Checks whether both sides know the same ids, and asks for the node's list if not.
    void on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat);

    /// Gives back the memory of links that nodes no longer have.
    /// @param links_max  links to look at.
    void reclaim(std::uint32_t links_max);

  private:
    /// `apply()` makes the change to the table.
    template <typename Apply>
    void on_change(const Incoming& in, std::uint64_t change, std::uint32_t ids, Apply&& apply);
    void log_in(const Incoming& in, const wire::IdList& ids);
    void log_out(const Incoming& in, const wire::IdList& ids);
    void end_list(const Incoming& in, std::uint64_t change);
    void need_list(const Incoming& in);
    void refuse_ids(const Incoming& in);
    void ask_for_refused_ids(const Incoming& in);

    RouterState& state_;
    Refusals& refusals_;
};

} // namespace zcomet::broker::router
