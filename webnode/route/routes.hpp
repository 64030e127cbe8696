// The lists of a web node's routes: those for browsers, and those for backends.
#pragma once

#include "webnode/ask/replays.hpp"
#include "webnode/ask/who.hpp"
#include "webnode/publish/publisher.hpp"
#include "webnode/request/exchange.hpp"
#include "webnode/route/demo.hpp"

#include <optional>
#include <vector>

namespace zcomet::webnode::route {

/// On the public port.   @param demo  the page at "/", if there is one.
[[nodiscard]] std::vector<request::Route> routes(const std::optional<Demo>& demo = std::nullopt);

/// On the address of the API. All that they are given lives longer than they do.
[[nodiscard]] std::vector<request::Route> api_routes(publish::Publisher& publisher, ask::Who& who,
                                                     ask::Replays& replays);

} // namespace zcomet::webnode::route
