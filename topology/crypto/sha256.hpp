// SHA-256 (FIPS 180-4), of OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace zcomet::crypto {

inline constexpr std::size_t kSha256Bytes = 32;

/// Errors: none; a library that cannot do it ends the process.   Thread: any.
[[nodiscard]] std::array<char, kSha256Bytes> sha256(std::string_view text);

} // namespace zcomet::crypto
