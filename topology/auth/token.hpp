// JSON Web Tokens (RFC 7519) in the compact form of a JSON Web Signature (RFC 7515):
//
//     TOKEN = base64url(HEADER) "." base64url(PAYLOAD) "." base64url(SIGNATURE)
//
// The signature is that of all before the second dot.
#pragma once

#include "topology/auth/key.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::auth {

/// A request's head has room for it, whatever cookies there are beside.
/// @limit bytes of a token
inline constexpr std::size_t kTokenBytesMax = 8192;

/// A token's parts, decoded. Nothing in it is proved yet.
struct Parts {
    std::string algorithm; ///< as the header names it
    std::string kid;       ///< of the key; empty: it names none
    std::string payload;
    std::string signature;
    std::string_view signed_text; ///< part of the token, which has to live as long
};

/// @param token  kTokenBytesMax at most.
/// @return nothing: it is no token, or its header names things that must be understood (`crit`)
/// and are not.
/// Errors: none thrown.   Thread: any.   Cost: O(size).
[[nodiscard]] std::optional<Parts> split_token(std::string_view token);

/// @param payload  JSON: write_claims().   @param key  can sign.
[[nodiscard]] std::string make_token(std::string_view payload, const Key& key);

} // namespace zcomet::auth
