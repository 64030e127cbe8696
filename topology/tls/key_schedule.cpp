#include "topology/tls/key_schedule.hpp"

#include "topology/base/check.hpp"
#include "topology/tls/openssl.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <algorithm>
#include <string>

namespace zcomet::tls {

namespace {

constexpr std::string_view kKeyExpansion = "key expansion";

const EVP_MD* md_of(Digest digest) {
    return digest == Digest::kSha256 ? EVP_sha256() : EVP_sha384();
}

/// Made once for each digest: to look it up takes OpenSSL as long as to use it.
EVP_MAC_CTX* hmac_of(Digest digest) {
    thread_local std::array<Owned<EVP_MAC_CTX>, 2> contexts;
    Owned<EVP_MAC_CTX>& context = contexts[static_cast<std::size_t>(digest)];
    if (context == nullptr) {
        const Owned<EVP_MAC> hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
        context.reset(EVP_MAC_CTX_new(hmac.get()));
        std::string name = EVP_MD_get0_name(md_of(digest));
        const std::array<OSSL_PARAM, 2> parameters{
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
            OSSL_PARAM_construct_end()};
        ZCOMET_ASSERT(context != nullptr &&
                      EVP_MAC_CTX_set_params(context.get(), parameters.data()) == 1);
    }
    return context.get();
}

} // namespace

/// One block of HKDF-Expand is enough, since nothing longer than a digest is asked for.
void expand_label(Digest digest, const Secret& secret, std::string_view label, unsigned char* out,
                  std::size_t out_bytes) {
    const std::size_t size = digest_bytes(digest);
    ZCOMET_ASSERT(out_bytes <= size);
    std::string info;
    info.push_back('\0');
    info.push_back(static_cast<char>(out_bytes));
    info.push_back(static_cast<char>(6 + label.size()));
    info.append("tls13 ").append(label);
    info.push_back('\0'); // no context
    info.push_back('\1'); // the first block
    Secret block{};
    std::size_t made = 0;
    EVP_MAC_CTX* const hmac = hmac_of(digest);
    ZCOMET_ASSERT(EVP_MAC_init(hmac, secret.data(), size, nullptr) == 1);
    ZCOMET_ASSERT(EVP_MAC_update(hmac, bytes_of(info), info.size()) == 1);
    ZCOMET_ASSERT(EVP_MAC_final(hmac, block.data(), &made, block.size()) == 1 && made == size);
    std::copy_n(block.begin(), out_bytes, out);
    OPENSSL_cleanse(block.data(), block.size());
}

RecordKey key_of_secret(Digest digest, Cipher cipher, const Secret& secret) {
    RecordKey made;
    expand_label(digest, secret, "key", made.key.data(), key_bytes(cipher));
    expand_label(digest, secret, "iv", made.iv.data(), made.iv.size());
    return made;
}

Secret next_secret(Digest digest, const Secret& secret) {
    Secret next{};
    expand_label(digest, secret, "traffic upd", next.data(), digest_bytes(digest));
    return next;
}

RecordKeys12 keys_of_master(Digest digest, Cipher cipher, std::size_t iv_bytes,
                            std::string_view master, std::string_view client_random,
                            std::string_view server_random) {
    const Owned<EVP_KDF> kdf(EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr));
    const Owned<EVP_KDF_CTX> context(EVP_KDF_CTX_new(kdf.get()));
    ZCOMET_ASSERT(context != nullptr);
    std::string digest_name = EVP_MD_get0_name(md_of(digest));
    std::string secret(master);
    std::string seed(kKeyExpansion);
    seed.append(server_random).append(client_random);
    const std::array<OSSL_PARAM, 4> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest_name.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed.data(), seed.size()),
        OSSL_PARAM_construct_end()};
    std::array<unsigned char, 2 * (kKeyBytesMax + kNonceBytes)> block{};
    const std::size_t key_size = key_bytes(cipher);
    ZCOMET_ASSERT(EVP_KDF_derive(context.get(), block.data(), 2 * (key_size + iv_bytes),
                                 parameters.data()) == 1);
    OPENSSL_cleanse(secret.data(), secret.size());
    RecordKeys12 keys;
    const unsigned char* at = block.data();
    const auto take = [&at](unsigned char* to, std::size_t count) {
        std::copy_n(at, count, to);
        at += count;
    };
    take(keys.client.key.data(), key_size);
    take(keys.server.key.data(), key_size);
    take(keys.client.iv.data(), iv_bytes);
    take(keys.server.iv.data(), iv_bytes);
    OPENSSL_cleanse(block.data(), block.size());
    return keys;
}

} // namespace zcomet::tls
