// GET /who/<id>: which nodes hold the id, and how many streams it has.
#pragma once

#include "webnode/ask/who.hpp"
#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

/// @param who  lives longer than the route.
[[nodiscard]] request::Route who_route(ask::Who& who);

} // namespace zcomet::webnode::route
