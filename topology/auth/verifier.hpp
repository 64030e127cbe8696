// Whether a token is good. Bytes and the time go in; claims, or a reason for logs, come out.
#pragma once

#include "topology/auth/claims.hpp"
#include "topology/auth/key.hpp"
#include "topology/auth/token.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zcomet::auth {

/// Why a request is refused.
enum class Refusal : std::uint8_t {
    kNoToken,
    kTooLong,
    kMalformed, ///< no token in form, or its header has a `crit`
    kAlgorithm, ///< the key that it names is for another algorithm; `none` is always another one
    kNoKey,     ///< it names a key that is not here
    kSignature,
    kClaims, ///< a claim is not what it should be
    kExpired,
    kNotYet,
    kIssuer,
    kAudience,
    kOtherId, ///< it is good, and not for this id
    kCount
};

/// A word for logs. It says nothing of what the token has.
[[nodiscard]] constexpr std::string_view name_of(Refusal refusal) {
    constexpr std::array<std::string_view, static_cast<std::size_t>(Refusal::kCount)> kNames{
        "no-token", "too-long", "malformed", "algorithm", "no-key",   "signature",
        "claims",   "expired",  "not-yet",   "issuer",    "audience", "other-id"};
    return kNames[static_cast<std::size_t>(refusal)];
}

/// What is wanted of a token beside its signature.
struct Rules {
    std::string issuer{};   ///< empty: any
    std::string audience{}; ///< one of the token's; empty: any, or none
    /// Clocks of hosts differ: a token is good for so long before `nbf` and after `exp`.
    std::chrono::seconds leeway{5};
};

/// Nothing in it changes after it was made. Thread: any.
class Verifier {
  public:
    /// @param keys  kKeysMax at most.
    Verifier(std::vector<Key> keys, Rules rules)
        : keys_(std::move(keys)), rules_(std::move(rules)) {}

    /// Checks a token of a stranger. The key is the one that the token names (`kid`), or each that
    /// has no name; if the token names none, each. It counts only if the token has its algorithm.
    /// Errors: none thrown.   Cost: a check of the signature for each such key (Key::verify()).
    [[nodiscard]] std::variant<Claims, Refusal> check(std::string_view token,
                                                      UnixSeconds now) const;
    /// The part of it that depends on the time, for claims that it has let through before.
    /// @return nothing: they are good.
    [[nodiscard]] std::optional<Refusal> why_not_at(const Claims& claims, UnixSeconds now) const;

    [[nodiscard]] const Rules& rules() const { return rules_; }

  private:
    /// @return nothing: a key has signed it.
    [[nodiscard]] std::optional<Refusal> why_not_signed(const Parts& parts) const;

    std::vector<Key> keys_;
    Rules rules_;
};

} // namespace zcomet::auth
