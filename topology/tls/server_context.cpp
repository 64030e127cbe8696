#include "topology/tls/server_context.hpp"

#include "topology/base/check.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/tls/handshake.hpp"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace zcomet::tls {

namespace {

/// Of TLS 1.2 only those that hide sessions from who learns the key later, and that Records has.
/// AES-128 comes first, since it is as safe here and makes a handshake a tenth cheaper; a client
/// that has no AES in its processor puts ChaCha20 first, and gets it.
constexpr const char* kCiphers12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                   "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                                   "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
/// In the form of RFC 7301: the length, then the name.
constexpr std::string_view kHttp11{"\x08http/1.1", 9};
constexpr std::string_view kSessionContext = "zcomet";
Owned<BIO> reader_of(const std::string& text) {
    return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Nobody is there to be asked. An empty passphrase would be tried.
int no_passphrase(char* /*to*/, int /*size*/, int /*writing*/, void* was_asked) {
    *static_cast<bool*>(was_asked) = true;
    return -1;
}

std::optional<Flaw> use_chain(SSL_CTX* context, const std::string& text) {
    const Owned<BIO> reader = reader_of(text);
    const Owned<X509> leaf(PEM_read_bio_X509_AUX(reader.get(), nullptr, nullptr, nullptr));
    if (leaf == nullptr) {
        ERR_clear_error();
        return Flaw{false, "has no certificate in PEM (-----BEGIN CERTIFICATE-----)"};
    }
    if (SSL_CTX_use_certificate(context, leaf.get()) != 1) {
        return Flaw{false, "has a certificate that cannot be used: " + take_error()};
    }
    for (;;) {
        Owned<X509> issuer(PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr));
        if (issuer == nullptr) {
            break;
        }
        if (SSL_CTX_add0_chain_cert(context, issuer.get()) != 1) {
            return Flaw{false, "has a chain that cannot be used: " + take_error()};
        }
        static_cast<void>(issuer.release());
    }
    const bool is_whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return is_whole ? std::nullopt
                    : std::optional(Flaw{false, "has a chain with a certificate that is no PEM"});
}

std::optional<Flaw> use_key(SSL_CTX* context, const std::string& text) {
    const Owned<BIO> reader = reader_of(text);
    bool was_asked = false;
    const Owned<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(reader.get(), nullptr, no_passphrase, &was_asked));
    ERR_clear_error();
    if (was_asked) {
        return Flaw{true, "wants a passphrase, and nobody is there to be asked for it"};
    }
    if (key == nullptr) {
        return Flaw{true, "has no private key in PEM (-----BEGIN PRIVATE KEY-----)"};
    }
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        ERR_clear_error();
        return Flaw{true, "is not the key of its certificate"};
    }
    return std::nullopt;
}

const ServerContext& context_of(SSL* ssl) {
    return Handshake::of(ssl).context();
}

int on_server_name(SSL* ssl, int* /*alert*/, void* /*nothing*/) {
    const char* const host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX* const context = host == nullptr ? nullptr : context_of(ssl).find(host);
    if (context == nullptr) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    SSL_set_SSL_CTX(ssl, context);
    return SSL_TLSEXT_ERR_OK;
}

/// A client that names protocols and not this one would not understand the answer (RFC 7301).
int on_protocols(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_bytes,
                 const unsigned char* offered, unsigned int offered_bytes, void* /*nothing*/) {
    unsigned char* match = nullptr;
    const int found =
        SSL_select_next_proto(&match, chosen_bytes, bytes_of(kHttp11),
                              static_cast<unsigned int>(kHttp11.size()), offered, offered_bytes);
    *chosen = match;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// @return 1: done; 2: done, and the client should have a newer ticket; 0: no such key.
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int makes_one) {
    TicketKeys& tickets = context_of(ssl).tickets();
    const TicketKey& newest = tickets.newest(wall_clock_s());
    const TicketKey* const key = makes_one != 0 ? &newest : tickets.find(name, wall_clock_s());
    if (key == nullptr) {
        return 0;
    }
    if (makes_one != 0) {
        std::copy(key->name.begin(), key->name.end(), name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) {
            return -1;
        }
    }
    const int is_ready =
        makes_one != 0
            ? EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key->aes.data(), iv, nullptr)
            : EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->aes.data(), iv, nullptr);
    std::array<char, 7> digest{"SHA256"};
    std::array<unsigned char, 32> hmac = key->hmac;
    const std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, hmac.data(), hmac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    if (is_ready != 1 || EVP_MAC_CTX_set_params(mac, parameters.data()) != 1) {
        return -1;
    }
    return key == &newest ? 1 : 2;
}

void on_key_line(const SSL* ssl, const char* line) {
    Handshake::of(ssl).take_secret(line);
}

/// To format a secret as text costs OpenSSL 4 µs, and there are five. Those of the handshake
/// itself, which nobody needs, are told before the server's Finished is sent, and all others after
/// it.
void on_message(int is_written, int /*version*/, int type, const void* bytes, std::size_t size,
                SSL* ssl, void* /*nothing*/) {
    if (is_written != 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
        *static_cast<const unsigned char*>(bytes) == SSL3_MT_FINISHED) {
        ServerContext::tell_secrets(ssl, true);
    }
}

Owned<SSL_CTX> new_context() {
    Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
    ZCOMET_ASSERT(context != nullptr);
    SSL_CTX* const made = context.get();
    SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    // The chain is the file's, and nobody looks for one in each handshake.
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    ZCOMET_ASSERT(SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION) == 1);
    ZCOMET_ASSERT(SSL_CTX_set_max_proto_version(made, TLS1_3_VERSION) == 1);
    ZCOMET_ASSERT(SSL_CTX_set_cipher_list(made, kCiphers12) == 1);
    ZCOMET_ASSERT(SSL_CTX_set_ciphersuites(made, kCiphers13) == 1);
    ZCOMET_ASSERT(
        SSL_CTX_set_session_id_context(made, bytes_of(kSessionContext),
                                       static_cast<unsigned int>(kSessionContext.size())) == 1);
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(made, kTicketSeconds);
    SSL_CTX_set_num_tickets(made, 1); // browsers use one, and each costs a tenth of a handshake
    SSL_CTX_set_tlsext_ticket_key_evp_cb(made, on_ticket);
    // As SSL_CTX_set_tlsext_servername_callback(), which is a macro with a cast of C.
    SSL_CTX_callback_ctrl(made, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                          reinterpret_cast<void (*)()>(on_server_name));
    SSL_CTX_set_alpn_select_cb(made, on_protocols, nullptr);
    SSL_CTX_set_msg_callback(made, on_message);
    return context;
}

std::optional<Flaw> use(SSL_CTX* context, const Certificate& certificate) {
    auto flaw = use_chain(context, certificate.chain);
    return flaw ? flaw : use_key(context, certificate.key);
}

} // namespace

std::optional<Flaw> why_not_usable(const Certificate& certificate) {
    const Owned<SSL_CTX> context = new_context();
    return use(context.get(), certificate);
}

Result<std::shared_ptr<const ServerContext>>
ServerContext::make(const std::vector<Certificate>& certificates,
                    std::shared_ptr<TicketKeys> tickets) {
    ZCOMET_ASSERT(!certificates.empty() && tickets != nullptr);
    const std::shared_ptr<ServerContext> made(new ServerContext(std::move(tickets)));
    for (const Certificate& certificate : certificates) {
        made->contexts_.push_back(new_context());
        if (const auto flaw = use(made->contexts_.back().get(), certificate)) {
            return Error{"a file " + flaw->text};
        }
    }
    return std::shared_ptr<const ServerContext>(made);
}

void ServerContext::tell_secrets(SSL* ssl, bool tells) {
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), tells ? on_key_line : nullptr);
}

SSL_CTX* ServerContext::find(const char* host) const {
    const std::string_view name(host);
    const auto found =
        std::find_if(contexts_.begin(), contexts_.end(), [name](const Owned<SSL_CTX>& context) {
            return X509_check_host(SSL_CTX_get0_certificate(context.get()), name.data(),
                                   name.size(), 0, nullptr) == 1;
        });
    return found == contexts_.end() ? nullptr : found->get();
}

} // namespace zcomet::tls
