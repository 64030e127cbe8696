// The list of a web node's routes.
#pragma once

#include "webnode/request/exchange.hpp"

#include <vector>

namespace zcomet::webnode::route {

[[nodiscard]] std::vector<request::Route> routes();

} // namespace zcomet::webnode::route
