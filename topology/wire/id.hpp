// Ids, by which clients log in and messages are addressed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zcomet::wire {

/// @limit bytes of an id
inline constexpr std::size_t kIdBytesMax = 64;

/// Whether `text` is an id: 1 to kIdBytesMax bytes of `[A-Za-z0-9._~:@-]`. Case matters.
/// Source: docs/PROTOCOL.md, section 3.
[[nodiscard]] bool valid_id(std::string_view text);

/// One sentence for people that says why `text` is not an id. It does not quote the text, which may
/// be long or hostile.
[[nodiscard]] std::string why_invalid_id(std::string_view text);

} // namespace zcomet::wire
