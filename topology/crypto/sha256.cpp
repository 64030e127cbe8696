#include "topology/crypto/sha256.hpp"

#include "topology/base/check.hpp"

#include <openssl/evp.h>

namespace zcomet::crypto {

std::array<char, kSha256Bytes> sha256(std::string_view text) {
    std::array<unsigned char, kSha256Bytes> digest{};
    unsigned size = 0;
    const int done =
        EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
    ZCOMET_ASSERT(done == 1 && size == digest.size());
    std::array<char, kSha256Bytes> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>(digest[i]);
    }
    return bytes;
}

} // namespace zcomet::crypto
