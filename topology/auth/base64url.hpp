// base64url without padding (RFC 7515, section 2), in the one form that each text has.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zcomet::auth {

[[nodiscard]] std::string to_base64url(std::string_view bytes);

/// @return nothing: it is not base64url, it has padding or a blank, or its last character has bits
/// that mean nothing: such texts would be other names of the same bytes.
/// Thread: any.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

} // namespace zcomet::auth
