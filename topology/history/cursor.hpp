// Where a client goes on: what it hands back of the last message that it has seen.
//
//     cursor = EPOCH "-" POSITION       both in base 36
//
// A cursor is for a client to keep, not to read. It has only characters that a browser sends to
// another site without asking first (WHATWG Fetch, "CORS-safelisted request-header"), and at most
// 128 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::history {

/// @limit bytes of a cursor
inline constexpr std::size_t kCursorBytesMax = 128;

struct Cursor {
    std::uint64_t epoch = 0;    ///< of the history that gave the position; 0: none
    std::uint64_t position = 0; ///< all messages up to this one were seen

    friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// Appends the cursor as clients get it.
void append_cursor(std::string& out, const Cursor& cursor);
[[nodiscard]] std::string text_of(const Cursor& cursor);

/// @return the cursor that a client has handed back; nothing: it is none of ours.
[[nodiscard]] std::optional<Cursor> read_cursor(std::string_view text);

} // namespace zcomet::history
