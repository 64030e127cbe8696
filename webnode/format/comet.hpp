// The page of 2008: an HTML page that never ends. For the N-th message of a stream:
//
//     body  = "Recvd msg #" N ": '" MESSAGE "'<br/>" LF  MESSAGE is HTML-escaped
//     page  = what a client whose Accept names text/html gets first: a title, a line that says that
//             the page waits, and a script that scrolls, and says when the stream has ended
//     gap   = "<em>Some messages were missed.</em><br/>" LF  a body as well
//     alive = LF                                         a body as well
//     chunk = size-in-hex CRLF body CRLF                 HTTP/1.1; in HTTP/1.0 the body alone
//
// The line feed is for readers of lines, such as `curl | grep`; a browser shows nothing for it.
#pragma once

#include "webnode/format/stream_format.hpp"

namespace zcomet::webnode::format {

[[nodiscard]] const StreamFormat& comet_format();

} // namespace zcomet::webnode::format
