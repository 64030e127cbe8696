// Answers frames by ERROR, counts them by code, and limits them for each connection.
#pragma once

#include "broker/router/error_limit.hpp"
#include "broker/router/router_state.hpp"

#include <string_view>

namespace zcomet::broker::router {

class Refusals {
  public:
    explicit Refusals(RouterState& state) : state_(state) {}

    /// Answers the frame by an ERROR, unless its sender has had too many lately.
    /// @param in  a whole header at least.
    void refuse(const Incoming& in, wire::ErrorCode code, std::string_view text);
    /// The same, whatever the sender has had, for an ERROR that the protocol depends on.
    void refuse_always(const Incoming& in, wire::ErrorCode code, std::string_view text);
    /// The same as refuse(), for bytes that may have no header.
    void tell(const Incoming& in, const wire::ErrorFrame& error);

  private:
    void tell_always(const Incoming& in, const wire::ErrorFrame& error);

    RouterState& state_;
    ErrorLimit limit_;
};

} // namespace zcomet::broker::router
