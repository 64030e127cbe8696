// GET /events/<id>: server-sent events to the id.
#pragma once

#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

[[nodiscard]] request::Route events_route();

/// GET /events?id=ID&id=ID…: to several ids.
[[nodiscard]] request::Route events_of_several_route();

} // namespace zcomet::webnode::route
