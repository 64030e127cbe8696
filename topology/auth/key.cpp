#include "topology/auth/key.hpp"

#include "topology/base/check.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>
#include <utility>

namespace zcomet::auth {

namespace {

constexpr std::array<std::string_view, 4> kAlgorithmNames{"HS256", "ES256", "RS256", "EdDSA"};
constexpr std::size_t kCoordinateBytes = 32; // of P-256
constexpr std::string_view kCurve = "prime256v1";

struct Free {
    void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    void operator()(BIO* bio) const { BIO_free_all(bio); }
    void operator()(BIGNUM* number) const { BN_free(number); }
    void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
    void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
    void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
};
template <typename Object> using Owned = std::unique_ptr<Object, Free>;
using SharedKey = std::shared_ptr<EVP_PKEY>;

/// Failures of OpenSSL are ordinary here, and nobody reads its queue of errors.
struct ErrorsCleared {
    ErrorsCleared() = default;
    ErrorsCleared(const ErrorsCleared&) = delete;
    ErrorsCleared& operator=(const ErrorsCleared&) = delete;
    ~ErrorsCleared() { ERR_clear_error(); }
};

SharedKey shared(EVP_PKEY* key) {
    return key == nullptr ? SharedKey() : SharedKey(key, EVP_PKEY_free);
}

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

const EVP_MD* digest_of(Algorithm algorithm) {
    return algorithm == Algorithm::kEdDsa ? nullptr : EVP_sha256(); // Ed25519 has its own
}

Owned<BIGNUM> number_of(std::string_view bytes) {
    return Owned<BIGNUM>(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

/// @param type  as OpenSSL names it.
SharedKey public_key(const char* type, OSSL_PARAM_BLD* builder) {
    const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
    const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
        return {};
    }
    return shared(key);
}

/// A token has the two numbers one after the other, OpenSSL has them in ASN.1.
std::string to_asn1(std::string_view signature) {
    if (signature.size() != 2 * kCoordinateBytes) {
        return {};
    }
    Owned<BIGNUM> r = number_of(signature.substr(0, kCoordinateBytes));
    Owned<BIGNUM> s = number_of(signature.substr(kCoordinateBytes));
    const Owned<ECDSA_SIG> both(ECDSA_SIG_new());
    ZCOMET_ASSERT(r && s && both);
    ZCOMET_ASSERT(ECDSA_SIG_set0(both.get(), r.release(), s.release()) == 1);
    std::string text(static_cast<std::size_t>(i2d_ECDSA_SIG(both.get(), nullptr)), '\0');
    unsigned char* end = bytes_of(text);
    i2d_ECDSA_SIG(both.get(), &end);
    return text;
}

std::string from_asn1(std::string_view text) {
    const unsigned char* begin = bytes_of(text);
    const Owned<ECDSA_SIG> both(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(text.size())));
    ZCOMET_ASSERT(both != nullptr);
    std::string signature(2 * kCoordinateBytes, '\0');
    unsigned char* const out = bytes_of(signature);
    BN_bn2binpad(ECDSA_SIG_get0_r(both.get()), out, kCoordinateBytes);
    BN_bn2binpad(ECDSA_SIG_get0_s(both.get()), out + kCoordinateBytes, kCoordinateBytes);
    return signature;
}

bool is_p256(const EVP_PKEY* key) {
    std::array<char, 32> group{};
    std::size_t size = 0;
    return EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
           std::string_view(group.data(), size) == kCurve;
}

int no_password(char* /*buffer*/, int /*size*/, int /*writes*/, void* /*user*/) {
    return -1; // without this OpenSSL would ask at the terminal
}

} // namespace

std::string_view name_of(Algorithm algorithm) {
    return kAlgorithmNames[static_cast<std::size_t>(algorithm)];
}

std::optional<Algorithm> algorithm_of(std::string_view name) {
    for (std::size_t n = 0; n < kAlgorithmNames.size(); ++n) {
        if (kAlgorithmNames[n] == name) {
            return static_cast<Algorithm>(n);
        }
    }
    return name == "Ed25519" ? std::optional(Algorithm::kEdDsa) : std::nullopt;
}

Result<Key> Key::from_secret(std::string_view secret, std::string kid) {
    if (secret.size() < kSecretBytesMin || secret.size() > kSecretBytesMax) {
        return Error{"a secret for HS256 has " + std::to_string(kSecretBytesMin) + " to " +
                     std::to_string(kSecretBytesMax) + " bytes, and this has " +
                     std::to_string(secret.size())};
    }
    SharedKey key = shared(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, nullptr, bytes_of(secret), secret.size()));
    ZCOMET_ASSERT(key != nullptr);
    return Key(std::move(key), Algorithm::kHs256, std::move(kid), true);
}

Result<Key> Key::from_pem(const std::string& pem, std::string kid) {
    const ErrorsCleared errors;
    const bool is_private = pem.find("PRIVATE KEY-----") != std::string::npos;
    const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    ZCOMET_ASSERT(bio != nullptr);
    return from_openssl(
        shared(is_private ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)
                          : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr)),
        std::move(kid), is_private);
}

Result<Key> Key::from_point(std::string_view x, std::string_view y, std::string kid) {
    const ErrorsCleared errors;
    if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
        return Error{"a point of P-256 has two coordinates of 32 bytes"};
    }
    const std::string point = std::string("\x04").append(x).append(y); // uncompressed
    const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kCurve.data(),
                                    kCurve.size());
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    return from_openssl(public_key("EC", builder.get()), std::move(kid), false);
}

Result<Key> Key::from_rsa(std::string_view modulus, std::string_view exponent, std::string kid) {
    const ErrorsCleared errors;
    if (modulus.size() > kRsaBitsMax / 8 || exponent.size() > sizeof(std::uint64_t)) {
        return Error{"an RSA key has at most " + std::to_string(kRsaBitsMax) +
                     " bits, and its exponent at most 64"};
    }
    const Owned<BIGNUM> n = number_of(modulus);
    const Owned<BIGNUM> e = number_of(exponent);
    const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    return from_openssl(public_key("RSA", builder.get()), std::move(kid), false);
}

Result<Key> Key::from_ed25519(std::string_view bytes, std::string kid) {
    const ErrorsCleared errors;
    return from_openssl(shared(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                           bytes_of(bytes), bytes.size())),
                        std::move(kid), false);
}

Result<Key> Key::from_openssl(SharedKey key, std::string kid, bool can_sign) {
    if (key == nullptr) {
        return Error{"there is no key in it that can be read; keys have no password here"};
    }
    const int bits = EVP_PKEY_get_bits(key.get());
    switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_ED25519:
        return Key(std::move(key), Algorithm::kEdDsa, std::move(kid), can_sign);
    case EVP_PKEY_EC:
        if (is_p256(key.get())) {
            return Key(std::move(key), Algorithm::kEs256, std::move(kid), can_sign);
        }
        break;
    case EVP_PKEY_RSA:
        if (bits >= kRsaBitsMin && bits <= kRsaBitsMax) {
            return Key(std::move(key), Algorithm::kRs256, std::move(kid), can_sign);
        }
        break;
    default:
        break;
    }
    return Error{"a key for tokens is of Ed25519, of the curve P-256, or RSA with " +
                 std::to_string(kRsaBitsMin) + " to " + std::to_string(kRsaBitsMax) + " bits"};
}

bool Key::verify(std::string_view text, std::string_view signature) const {
    if (algorithm_ == Algorithm::kHs256) {
        const std::string wanted = sign(text);
        return signature.size() == wanted.size() &&
               CRYPTO_memcmp(signature.data(), wanted.data(), wanted.size()) == 0;
    }
    const ErrorsCleared errors;
    std::string in_asn1;
    if (algorithm_ == Algorithm::kEs256) {
        in_asn1 = to_asn1(signature);
        signature = in_asn1;
    }
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    return !signature.empty() && context != nullptr &&
           EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm_), nullptr,
                                key_.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                            text.size()) == 1;
}

std::string Key::sign(std::string_view text) const {
    ZCOMET_ASSERT(can_sign_);
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    std::size_t size = 0;
    ZCOMET_ASSERT(context != nullptr &&
                  EVP_DigestSignInit(context.get(), nullptr, digest_of(algorithm_), nullptr,
                                     key_.get()) == 1);
    ZCOMET_ASSERT(EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) == 1);
    std::string signature(size, '\0');
    ZCOMET_ASSERT(EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(text),
                                 text.size()) == 1);
    signature.resize(size);
    return algorithm_ == Algorithm::kEs256 ? from_asn1(signature) : signature;
}

} // namespace zcomet::auth
