// Authenticated encryption by any of many keys: the ciphers of TLS 1.3 (RFC 8446, appendix B.4) by
// OpenSSL's EVP. The contexts, some kilobytes, are shared by all connections of a worker; a
// connection has its keys only, and they are scheduled anew for each record. That takes a quarter
// of a microsecond, and less than to fetch a context of its own from memory.
#pragma once

#include "topology/tls/openssl.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::tls {

enum class Cipher : std::uint8_t { kAes128Gcm, kAes256Gcm, kChaCha20Poly1305 };

inline constexpr std::size_t kCiphers = 3;
inline constexpr std::size_t kKeyBytesMax = 32;
inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;

[[nodiscard]] constexpr std::size_t key_bytes(Cipher cipher) {
    return cipher == Cipher::kAes128Gcm ? 16 : 32;
}

using Key = std::array<unsigned char, kKeyBytesMax>;
using Nonce = std::array<unsigned char, kNonceBytes>;

/// Records that a key of TLS 1.3 may encrypt (RFC 8446, section 5.5: 2^24.5 for AES-GCM). Then it
/// is changed. TLS 1.2 cannot change its key, and the RFC sets no bound there.
inline constexpr std::uint64_t kRecordsOfKeyMax = std::uint64_t{1} << 24U;

/// Thread: one at a time.   Errors: a library that cannot encrypt ends the process.
class Aead {
  public:
    /// @param records_of_key_max  smaller in tests, where 2^24 records take too long.
    explicit Aead(std::uint64_t records_of_key_max = kRecordsOfKeyMax);
    [[nodiscard]] std::uint64_t records_of_key_max() const { return records_of_key_max_; }

    /// Appends `text` and `tail`, encrypted, and the tag. No pair of key and nonce may come twice.
    void seal(Cipher cipher, const Key& key, const Nonce& nonce, std::string_view associated,
              std::string_view text, std::string_view tail, std::string& out);

    /// Appends what was encrypted.
    /// @param sealed  with its tag.
    /// @return false, and nothing is appended, if it was not made with this key, nonce and
    ///     associated data.
    [[nodiscard]] bool open(Cipher cipher, const Key& key, const Nonce& nonce,
                            std::string_view associated, std::string_view sealed, std::string& out);

  private:
    struct Contexts {
        Owned<EVP_CIPHER_CTX> sealing;
        Owned<EVP_CIPHER_CTX> opening;
    };
    std::array<Contexts, kCiphers> contexts_;
    std::uint64_t records_of_key_max_;
};

} // namespace zcomet::tls
