// JSON that several formats say.
#pragma once

#include "webnode/format/stream_format.hpp"

#include <string>
#include <string_view>

namespace zcomet::webnode::format {

/// Appends `text` as a JSON string, with its quotes (RFC 8259). Bytes that are not UTF-8 become
/// U+FFFD.
void append_json_text(std::string& out, std::string_view text);

/// What a stream is told of messages that it missed: {"ids":[ID,…],"reason":"cut-off"}.
[[nodiscard]] std::string gap_json(const Gap& gap);

/// Appends {"id":ID,["event":NAME,]"data":MESSAGE[,"cursor":CURSOR]}, which is a message in the
/// formats that are JSON. Bytes that are not UTF-8 become U+FFFD.
void append_message_object(std::string& out, const Message& message);
/// Appends {"gap":{"ids":[ID,…],"reason":"cut-off"}[,"cursor":CURSOR]}, which is a gap in them.
void append_gap_object(std::string& out, const Gap& gap);

/// Appends `,"cursor":"CURSOR"`, if there is one.
void append_cursor_member(std::string& out, const history::Cursor& cursor);

} // namespace zcomet::webnode::format
