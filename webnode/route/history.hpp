// GET /history/<id>: what the broker keeps of the id.
#pragma once

#include "webnode/ask/replays.hpp"
#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

/// @param replays  lives longer than the route.
[[nodiscard]] request::Route history_route(ask::Replays& replays);

} // namespace zcomet::webnode::route
