#include "topology/auth/base64url.hpp"

#include <absl/strings/escaping.h>

#include <utility>

namespace zcomet::auth {

std::string to_base64url(std::string_view bytes) {
    return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

std::optional<std::string> from_base64url(std::string_view text) {
    std::string bytes;
    const bool is_read =
        absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes);
    // The library also takes padding, blanks and needless bits.
    return is_read && to_base64url(bytes) == text ? std::optional(std::move(bytes)) : std::nullopt;
}

} // namespace zcomet::auth
