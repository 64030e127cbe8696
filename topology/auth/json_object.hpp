// JSON objects of strangers, as the parts of a token are.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace zcomet::auth {

/// Parts of tokens and key sets have three or four. A deep value costs nlohmann-json much more
/// memory than its text has, and what copies or writes it does so by recursion.
/// @limit brackets around each other in a token or a set of keys
inline constexpr std::size_t kJsonDepthMax = 16;

/// Reads a JSON object. Where it has a name twice, readers disagree on which one counts (RFC 7519,
/// section 4), so it is refused.
/// @return whether it is one, of at most kJsonDepthMax brackets around each other; it is in `out`
/// then.
/// Errors: none thrown.   Thread: any.
[[nodiscard]] bool read_object(std::string_view text, nlohmann::json& out);

/// The text of a member; empty if there is none, or it is no string.
[[nodiscard]] std::string text_member(const nlohmann::json& object, const char* name);

} // namespace zcomet::auth
