// Logs ids in and out, and checks that broker and nodes know the same ids.
#pragma once

#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"

#include <cstdint>
#include <string_view>

namespace zcomet::broker::router {

class Presence {
  public:
    Presence(RouterState& state, Refusals& refusals) : state_(state), refusals_(refusals) {}

    /// A LOGIN, LOGOUT or LIST, as a whole: begin(), apply() all ids, end().
    void on_ids(const Incoming& in, const wire::Frame& frame, const wire::IdList& ids);

    [[nodiscard]] static bool is_about_ids(const wire::Frame& frame);
    /// @return whether the ids of the frame are to be applied. Until end() the node must say no
    /// other such frame.
    [[nodiscard]] bool begin(const Incoming& in, const wire::Frame& frame);
    /// Applies some ids of the frame; each is given once, in order.
    void apply(const Incoming& in, const wire::Frame& frame, const wire::IdList& ids);
    /// All ids were applied.
    /// @param refused_before  how many ids of the node had no room after begin().
    void end(const Incoming& in, const wire::Frame& frame, std::uint64_t refused_before);
    /// Changes of the node were lost: asks for its list.
    void need_list(const Incoming& in);
    /// Checks whether both sides know the same ids, and asks for the node's list if not.
    void on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat);

    /// Gives back the memory of links that nodes no longer have.
    /// @param links_max  links to look at.
    void reclaim(std::uint32_t links_max);

  private:
    [[nodiscard]] bool may_change(const Incoming& in, std::uint64_t change);
    [[nodiscard]] bool begin_list(const Incoming& in, const wire::List& list);
    void log_in(const Incoming& in, const wire::IdList& ids);
    void log_out(const Incoming& in, const wire::IdList& ids);
    void end_list(const Incoming& in, std::uint64_t change);
    void refuse_ids(const Incoming& in);
    [[nodiscard]] bool has_room(table::PeerIndex node, std::uint64_t ids) const;
    [[nodiscard]] std::string_view why_no_room(table::PeerIndex node) const;
    void ask_for_refused_ids(const Incoming& in);

    RouterState& state_;
    Refusals& refusals_;
};

} // namespace zcomet::broker::router
