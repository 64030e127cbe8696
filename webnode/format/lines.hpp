// JSON lines (application/x-ndjson), for programs that read an answer line by line:
//
//     message = {"id":ID,["event":NAME,]"data":MESSAGE[,"cursor":CURSOR]} LF
//     gap     = {"gap":{"ids":[ID,…],"reason":"cut-off"}[,"cursor":CURSOR]} LF
//     alive   = LF
#pragma once

#include "webnode/format/stream_format.hpp"

namespace zcomet::webnode::format {

[[nodiscard]] const StreamFormat& lines_format();

} // namespace zcomet::webnode::format
