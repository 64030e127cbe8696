#include "topology/auth/verifier.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::auth {

std::optional<Refusal> Verifier::why_not_signed(const Parts& parts) const {
    const std::optional<Algorithm> algorithm = algorithm_of(parts.algorithm);
    Refusal refusal = Refusal::kNoKey;
    for (const Key& key : keys_) {
        const bool is_meant = parts.kid.empty() || key.kid().empty() || key.kid() == parts.kid;
        if (!is_meant) {
            continue;
        }
        if (algorithm != key.algorithm()) {
            refusal = refusal == Refusal::kNoKey ? Refusal::kAlgorithm : refusal;
        } else if (key.verify(parts.signed_text, parts.signature)) {
            return std::nullopt;
        } else {
            refusal = Refusal::kSignature;
        }
    }
    return refusal;
}

std::variant<Claims, Refusal> Verifier::check(std::string_view token, UnixSeconds now) const {
    if (token.size() > kTokenBytesMax) {
        return Refusal::kTooLong;
    }
    const std::optional<Parts> parts = split_token(token);
    if (!parts) {
        return Refusal::kMalformed;
    }
    if (const auto refusal = why_not_signed(*parts)) {
        return *refusal;
    }
    // Only now: what nobody has signed is not worth reading.
    std::optional<Claims> claims = read_claims(parts->payload);
    if (!claims) {
        return Refusal::kClaims;
    }
    if (!rules_.issuer.empty() && claims->issuer != rules_.issuer) {
        return Refusal::kIssuer;
    }
    const auto& audience = claims->audience;
    if (!rules_.audience.empty() &&
        std::find(audience.begin(), audience.end(), rules_.audience) == audience.end()) {
        return Refusal::kAudience;
    }
    if (const auto refusal = why_not_at(*claims, now)) {
        return *refusal;
    }
    return std::move(*claims);
}

std::optional<Refusal> Verifier::why_not_at(const Claims& claims, UnixSeconds now) const {
    const UnixSeconds leeway = rules_.leeway.count();
    // No sum is too large: a claim is below the year 10000, or kForever, to which nothing is added.
    if (claims.expires != kForever && now >= claims.expires + leeway) {
        return Refusal::kExpired;
    }
    if (now < claims.not_before - leeway) {
        return Refusal::kNotYet;
    }
    return std::nullopt;
}

} // namespace zcomet::auth
