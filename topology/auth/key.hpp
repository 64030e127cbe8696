// Keys that sign tokens and check their signatures (RFC 7518, section 3; RFC 8037), by OpenSSL.
#pragma once

#include "topology/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st; // NOLINT(readability-identifier-naming): the name is OpenSSL's EVP_PKEY

namespace zcomet::auth {

/// What a key is for. It follows from the key alone, never from a token: a public key must not be
/// taken for the secret of an HMAC. There is none without a signature.
enum class Algorithm : std::uint8_t {
    kHs256, ///< HMAC with SHA-256
    kEs256, ///< ECDSA on P-256 with SHA-256
    kRs256, ///< RSA, PKCS #1 v1.5, with SHA-256
    kEdDsa, ///< Ed25519
};

/// As the header `alg` of a token names it.
[[nodiscard]] std::string_view name_of(Algorithm algorithm);
/// @return nothing: it names another one, or none. "Ed25519" is the newer name of "EdDSA" (RFC
/// 9864).
[[nodiscard]] std::optional<Algorithm> algorithm_of(std::string_view name);

/// A shorter one could be guessed from a token (RFC 7518, section 3.2).
/// @limit least bytes of a secret that signs tokens
inline constexpr std::size_t kSecretBytesMin = 32;
/// @limit most bytes of such a secret
inline constexpr std::size_t kSecretBytesMax = 1024;
/// @limit least bits of an RSA key that signs tokens
inline constexpr int kRsaBitsMin = 2048;
/// A check takes longer with each bit, and anybody can ask for one.
/// @limit most bits of such a key
inline constexpr int kRsaBitsMax = 8192;

/// A copy is the same key. Thread: any.
class Key {
  public:
    /// @param kid  by which tokens name it; empty: they do not.
    /// Errors: it is too short or too long.
    [[nodiscard]] static Result<Key> from_secret(std::string_view secret, std::string kid);
    /// @param pem  has a public or a private key in PEM, without a password.
    /// Errors: it has none, or of a kind that signs no tokens.
    [[nodiscard]] static Result<Key> from_pem(const std::string& pem, std::string kid);
    /// Coordinates of a point of P-256, or the numbers of an RSA key, as bytes, big-endian.
    [[nodiscard]] static Result<Key> from_point(std::string_view x, std::string_view y,
                                                std::string kid);
    [[nodiscard]] static Result<Key> from_rsa(std::string_view modulus, std::string_view exponent,
                                              std::string kid);
    [[nodiscard]] static Result<Key> from_ed25519(std::string_view bytes, std::string kid);

    [[nodiscard]] const std::string& kid() const { return kid_; }
    [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
    /// Whether it can sign: nobody else may read it then.
    [[nodiscard]] bool can_sign() const { return can_sign_; }

    /// Whether `signature` is that of `text` by this key. Cost: some µs for HS256, some ten for
    /// RS256, about a hundred for the others.
    [[nodiscard]] bool verify(std::string_view text, std::string_view signature) const;
    /// can_sign() only.
    [[nodiscard]] std::string sign(std::string_view text) const;

  private:
    Key(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm, std::string kid, bool can_sign)
        : key_(std::move(key)), kid_(std::move(kid)), algorithm_(algorithm), can_sign_(can_sign) {}
    /// Finds out what the key is for.
    [[nodiscard]] static Result<Key> from_openssl(std::shared_ptr<evp_pkey_st> key, std::string kid,
                                                  bool can_sign);

    std::shared_ptr<evp_pkey_st> key_;
    std::string kid_;
    Algorithm algorithm_;
    bool can_sign_;
};

} // namespace zcomet::auth
