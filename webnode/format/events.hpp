// Server-sent events, for EventSource in a browser (WHATWG HTML, "Server-sent events"):
//
//     greeting = "retry: " MILLISECONDS LF LF           spread, so that not all come back at once
//     position = "event: position" LF ID "data: {}" LF LF   of an id with a history
//     message  = ["event: " NAME LF] [ID] 1*("data: " LINE LF) LF
//                                                       a line for each line of the message
//     gap      = "event: gap" LF [ID] "data: " JSON LF LF   {"ids":[…],"reason":"cut-off"}
//     ID       = "id: " CURSOR LF                       where to go on after this
//     end      = "retry: " MILLISECONDS LF           its token has expired: come back with another
//     alive    = ":" LF                                 with two LF some clients see an event
#pragma once

#include "webnode/format/stream_format.hpp"

namespace zcomet::webnode::format {

[[nodiscard]] const StreamFormat& events_format();

} // namespace zcomet::webnode::format
