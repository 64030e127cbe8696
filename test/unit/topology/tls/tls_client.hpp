// A TLS client over memory, of OpenSSL alone, and certificates for it to see.
#pragma once

#include "topology/tls/certificates.hpp"
#include "topology/tls/openssl.hpp"

#include <catch2/catch.hpp>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace zcomet::tls {

namespace test_tls {

inline std::string text_of(BIO* bio) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

inline Owned<EVP_PKEY> new_key() {
    return Owned<EVP_PKEY>(EVP_EC_gen("P-256"));
}

} // namespace test_tls

/// Signed by itself, for a day.
inline Certificate make_certificate(const std::string& host) {
    const Owned<EVP_PKEY> key = test_tls::new_key();
    const Owned<X509> x509(X509_new());
    REQUIRE((key != nullptr && x509 != nullptr));
    X509_set_version(x509.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), 86'400);
    X509_set_pubkey(x509.get(), key.get());
    X509_NAME* const name = X509_get_subject_name(x509.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, bytes_of(std::string_view(host)),
                               static_cast<int>(host.size()), -1, 0);
    X509_set_issuer_name(x509.get(), name);
    X509_EXTENSION* const names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + host).c_str());
    X509_add_ext(x509.get(), names, -1);
    X509_EXTENSION_free(names);
    REQUIRE(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0);
    const Owned<BIO> chain(BIO_new(BIO_s_mem()));
    const Owned<BIO> secret(BIO_new(BIO_s_mem()));
    REQUIRE(PEM_write_bio_X509(chain.get(), x509.get()) == 1);
    REQUIRE(PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                     nullptr) == 1);
    return {test_tls::text_of(chain.get()), test_tls::text_of(secret.get())};
}

struct TlsClientOptions {
    int version = TLS1_3_VERSION;
    std::string ciphers{};                  ///< in OpenSSL's words; empty: its own
    std::string host{};                     ///< that it asks for; empty: none
    std::string protocols{};                ///< in the form of RFC 7301
    std::uint8_t fragment = 0;              ///< RFC 6066: 1 for 512 bytes to 4 for 4,096
    std::shared_ptr<SSL_SESSION> session{}; ///< that it goes on with
};

class TlsClient {
  public:
    explicit TlsClient(const TlsClientOptions& options = {})
        : context_(SSL_CTX_new(TLS_client_method())) {
        REQUIRE(SSL_CTX_set_min_proto_version(context_.get(), options.version) == 1);
        REQUIRE(SSL_CTX_set_max_proto_version(context_.get(), options.version) == 1);
        SSL_CTX_set_session_cache_mode(context_.get(),
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* session) {
            static_cast<TlsClient*>(SSL_get_app_data(ssl))->session_ =
                std::shared_ptr<SSL_SESSION>(session, SSL_SESSION_free);
            return 1;
        });
        if (!options.ciphers.empty()) {
            REQUIRE((options.version == TLS1_3_VERSION
                         ? SSL_CTX_set_ciphersuites(context_.get(), options.ciphers.c_str())
                         : SSL_CTX_set_cipher_list(context_.get(), options.ciphers.c_str())) == 1);
        }
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_app_data(ssl_.get(), this);
        if (!options.host.empty()) {
            std::string host = options.host;
            SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     host.data()); // as SSL_set_tlsext_host_name(), which has a cast of C
        }
        if (!options.protocols.empty()) {
            SSL_set_alpn_protos(ssl_.get(), bytes_of(std::string_view(options.protocols)),
                                static_cast<unsigned int>(options.protocols.size()));
        }
        if (options.fragment != 0) {
            SSL_set_tlsext_max_fragment_length(ssl_.get(), options.fragment);
        }
        if (options.session) {
            SSL_set_session(ssl_.get(), options.session.get());
        }
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl_.get(), in_, out_);
        SSL_set_connect_state(ssl_.get());
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    /// Takes what the server has sent, and goes on with the handshake.
    void take(std::string_view bytes) {
        if (!bytes.empty()) {
            REQUIRE(BIO_write(in_, bytes.data(), static_cast<int>(bytes.size())) ==
                    static_cast<int>(bytes.size()));
        }
        ERR_clear_error();
        SSL_do_handshake(ssl_.get());
    }
    /// What it sends.
    [[nodiscard]] std::string to_send() const {
        std::string bytes = test_tls::text_of(out_);
        BIO_reset(out_);
        return bytes;
    }
    [[nodiscard]] bool is_done() const { return SSL_is_init_finished(ssl_.get()) == 1; }
    [[nodiscard]] bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
    void write(std::string_view text) const {
        REQUIRE(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) ==
                static_cast<int>(text.size()));
    }
    /// All text that has come.
    [[nodiscard]] std::string read() {
        std::string text;
        std::array<char, 20'000> bytes;
        int got = 0;
        ERR_clear_error();
        while ((got = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))) > 0) {
            text.append(bytes.data(), static_cast<std::size_t>(got));
        }
        error_ = SSL_get_error(ssl_.get(), got);
        return text;
    }
    /// Whether the last read() found the end, said by an alert.
    [[nodiscard]] bool ended() const { return error_ == SSL_ERROR_ZERO_RETURN; }
    /// Whether the last read() failed.
    [[nodiscard]] bool failed() const { return error_ == SSL_ERROR_SSL; }
    [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
    [[nodiscard]] std::shared_ptr<SSL_SESSION> session() const { return session_; }
    [[nodiscard]] std::string cipher() const { return SSL_get_cipher_name(ssl_.get()); }
    /// The name of the server's certificate.
    [[nodiscard]] std::string host_seen() const {
        const Owned<X509> seen(SSL_get1_peer_certificate(ssl_.get()));
        std::array<char, 256> name{};
        if (seen != nullptr) {
            X509_NAME_get_text_by_NID(X509_get_subject_name(seen.get()), NID_commonName,
                                      name.data(), static_cast<int>(name.size()));
        }
        return name.data();
    }

  private:
    Owned<SSL_CTX> context_;
    Owned<SSL> ssl_;
    BIO* in_ = nullptr;
    BIO* out_ = nullptr;
    int error_ = 0;
    std::shared_ptr<SSL_SESSION> session_;
};

} // namespace zcomet::tls
