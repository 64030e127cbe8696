// The text of a file with keys for tokens. It has one of three forms:
//
//     a JSON Web Key Set (RFC 7517)   {"keys":[...]}, or one key alone: {"kty":...}
//     PEM                             -----BEGIN PUBLIC KEY-----, or PRIVATE KEY
//     a secret for HS256              anything else; a newline at its end does not count
//
// Keys of a set have their names (`kid`) in it. The others have none: they are tried for every
// token of their algorithm.
#pragma once

#include "topology/auth/key.hpp"
#include "topology/base/result.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace zcomet::auth {

/// A set of an identity provider has less than ten of them.
/// @limit bytes of a file with keys for tokens
inline constexpr std::size_t kKeyFileBytesMax = 65'536;
/// Several for a while when keys change. A token without a `kid` is checked with each of its
/// algorithm.
/// @limit keys for tokens
inline constexpr std::size_t kKeysMax = 16;

/// Keys of a set that are not for signatures, or of a kind that is not known here, are left out
/// (RFC 7517, section 5).
/// Errors: none is left, there are more than kKeysMax, or the text is too long. One sentence,
/// without the text.
[[nodiscard]] Result<std::vector<Key>> read_keys(const std::string& text);

} // namespace zcomet::auth
