// Keys of records, made of what a handshake has agreed on: RFC 8446, section 7 (TLS 1.3), and
// RFC 5246, section 6.3 (TLS 1.2).
#pragma once

#include "topology/tls/aead.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zcomet::tls {

/// The digest of a cipher suite.
enum class Digest : std::uint8_t { kSha256, kSha384 };

[[nodiscard]] constexpr std::size_t digest_bytes(Digest digest) {
    return digest == Digest::kSha256 ? 32 : 48;
}

/// A traffic secret of TLS 1.3: digest_bytes() of it count.
using Secret = std::array<unsigned char, 48>;

/// HKDF-Expand-Label(secret, label, "", out_bytes): at most digest_bytes().
/// Errors: none; a library that cannot do it ends the process.
void expand_label(Digest digest, const Secret& secret, std::string_view label, unsigned char* out,
                  std::size_t out_bytes);

/// The key and the nonce's base of one direction.
struct RecordKey {
    Key key{};
    Nonce iv{};
};

/// Of a traffic secret of TLS 1.3.
[[nodiscard]] RecordKey key_of_secret(Digest digest, Cipher cipher, const Secret& secret);

/// The secret after a KeyUpdate.
[[nodiscard]] Secret next_secret(Digest digest, const Secret& secret);

/// Of a master secret of TLS 1.2.
struct RecordKeys12 {
    RecordKey client;
    RecordKey server;
};
/// @param iv_bytes  4 for the AES suites, 12 for ChaCha20.
[[nodiscard]] RecordKeys12 keys_of_master(Digest digest, Cipher cipher, std::size_t iv_bytes,
                                          std::string_view master, std::string_view client_random,
                                          std::string_view server_random);

} // namespace zcomet::tls
