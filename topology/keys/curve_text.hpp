// Keys of CURVE as text: Z85 (ZeroMQ RFC 32), 40 characters for the 32 bytes of a key.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zcomet::keys {

inline constexpr std::size_t kCurveBytes = 32;
inline constexpr std::size_t kCurveTextBytes = 40;

/// Whether `text` is a key: 40 characters of Z85, which stand for 32 bytes.
[[nodiscard]] bool is_curve_text(std::string_view text);

/// The text of a key.
/// @param bytes  32 of them.
[[nodiscard]] std::string to_curve_text(std::string_view bytes);

} // namespace zcomet::keys
