// GET /test/<id>: a comet stream of the id. The path is that of 2008.
#pragma once

#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

[[nodiscard]] request::Route comet_route();

} // namespace zcomet::webnode::route
