// GET /events/<id>: server-sent events to the id.
#pragma once

#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

[[nodiscard]] request::Route events_route();

} // namespace zcomet::webnode::route
