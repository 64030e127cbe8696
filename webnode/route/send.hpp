// POST /send/<id> and POST /send: messages from backends.
#pragma once

#include "webnode/publish/publisher.hpp"

namespace zcomet::webnode::route {

/// POST /send/<id>: the body is the message.   @param publisher  lives longer than the route.
[[nodiscard]] request::Route send_route(publish::Publisher& publisher);

/// POST /send: a message a line, as JSON: {"id":ID,"data":MESSAGE}, or "ids" with a list.
/// @param publisher  lives longer than the route.
[[nodiscard]] request::Route send_many_route(publish::Publisher& publisher);

} // namespace zcomet::webnode::route
