// GET /healthz and GET /readyz: for balancers and those who watch a node.
#pragma once

#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

/// /healthz: 200 from a worker whose loop works, whatever else is wrong.
[[nodiscard]] request::Route alive_route();

/// /readyz: 200 from a worker that takes streams, and has a live feed to show them messages;
/// otherwise 503 with the reason.
[[nodiscard]] request::Route ready_route();

} // namespace zcomet::webnode::route
