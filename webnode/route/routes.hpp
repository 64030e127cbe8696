// The lists of a web node's routes: those for browsers, and those for backends.
#pragma once

#include "webnode/publish/publisher.hpp"
#include "webnode/request/exchange.hpp"

#include <vector>

namespace zcomet::webnode::route {

/// On the public port.
[[nodiscard]] std::vector<request::Route> routes();

/// On the address of the API.   @param publisher  lives longer than the routes.
[[nodiscard]] std::vector<request::Route> api_routes(publish::Publisher& publisher);

} // namespace zcomet::webnode::route
