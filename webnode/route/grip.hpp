// POST /publish/ and POST /publish: messages from backends that were written for a GRIP proxy, such
// as Pushpin (https://pushpin.org/docs/protocols/grip/). The body is JSON:
//
//     {"items":[ITEM,...]}
//     ITEM    = {"channel":TOPIC,"formats":FORMATS}; older clients put the formats beside "channel"
//     FORMATS = one or more of "http-stream":{"content":TEXT}, "ws-message":{"content":TEXT},
//               "http-response":{"body":TEXT}
//
// An item is one message: the text of the first of these formats that it has, since each stream
// gets it in a format of its own. Text may come as base64, as "content-bin" and "body-bin". It goes
// to the id of the topic (topic.hpp).
#pragma once

#include "webnode/publish/publisher.hpp"

#include <string_view>

namespace zcomet::webnode::route {

/// Answers 200 "Published" once the broker has all messages of the request. A request with a
/// mistake sends none.
/// @param publisher  lives longer than the route.
/// @param path       a constant.
[[nodiscard]] request::Route grip_route(publish::Publisher& publisher, std::string_view path);

} // namespace zcomet::webnode::route
