// Server-sent events, for EventSource in a browser (WHATWG HTML, "Server-sent events"):
//
//     greeting = "retry: " MILLISECONDS LF LF           spread, so that not all come back at once
//     message  = 1*("data: " LINE LF) LF                one for each line of the message
//     gap      = "event: gap" LF "data: " JSON LF LF    JSON = {"ids":[ID],"reason":"cut-off"}
//     alive    = ":" LF                                 with two LF some clients see an event
#pragma once

#include "webnode/format/stream_format.hpp"

namespace zcomet::webnode::format {

[[nodiscard]] const StreamFormat& events_format();

} // namespace zcomet::webnode::format
