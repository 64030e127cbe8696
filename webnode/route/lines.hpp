// GET /lines/<id>: messages to the id as JSON lines.
#pragma once

#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

[[nodiscard]] request::Route lines_route();

/// GET /lines?id=ID&id=ID…: to several ids.
[[nodiscard]] request::Route lines_of_several_route();

} // namespace zcomet::webnode::route
