// Long polls: a request is answered with the messages that come first, as JSON.
//
//     answer  = {"messages":[ITEM,…][,"cursor":CURSOR]} LF
//     ITEM    = MESSAGE | GAP          as JSON lines have them, without the line feed
//
// A poll is a stream that ends with its first messages. stream::Polls gathers them and answers.
#pragma once

#include "webnode/format/stream_format.hpp"

#include <string>
#include <string_view>

namespace zcomet::webnode::format {

/// Its append…() add an ITEM, and a comma before it if it is not the first.
[[nodiscard]] const StreamFormat& poll_format();

/// The header that has the cursor, in the answer with messages and in the one without.
inline constexpr std::string_view kCursorHeader = "Zcomet-Cursor";

/// The answer to a poll.
/// @param items   as the format has appended them; empty: 204.
/// @param cursor  where the client goes on; epoch 0: it has none.
[[nodiscard]] http::Reply poll_reply(const std::string& items, const history::Cursor& cursor);

} // namespace zcomet::webnode::format
