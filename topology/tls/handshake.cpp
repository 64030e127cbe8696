#include "topology/tls/handshake.hpp"

#include "topology/base/check.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <utility>

namespace zcomet::tls {

namespace {

constexpr std::string_view kClientSecretLabel = "CLIENT_TRAFFIC_SECRET_0 ";
constexpr std::string_view kServerSecretLabel = "SERVER_TRAFFIC_SECRET_0 ";
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kMasterBytesMax = 64;

int nibble_of(char c) {
    return c >= 'a' ? c - 'a' + 10 : c >= 'A' ? c - 'A' + 10 : c - '0';
}

void read_hex(std::string_view hex, Secret& secret) {
    ZCOMET_ASSERT(hex.size() <= 2 * secret.size());
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        secret[i / 2] = static_cast<unsigned char>(nibble_of(hex[i]) * 16 + nibble_of(hex[i + 1]));
    }
}

std::uint64_t count_records(std::string_view bytes) {
    std::uint64_t count = 0;
    while (bytes.size() >= kRecordHeaderBytes) {
        const std::size_t size = kRecordHeaderBytes +
                                 std::size_t{static_cast<unsigned char>(bytes[3])} * 256 +
                                 static_cast<unsigned char>(bytes[4]);
        bytes.remove_prefix(std::min(size, bytes.size()));
        ++count;
    }
    return count;
}

/// @return whether Records has it: ServerContext allows no other.
bool read_cipher(const SSL_CIPHER* cipher, Agreed& agreed) {
    switch (SSL_CIPHER_get_cipher_nid(cipher)) {
    case NID_aes_128_gcm:
        agreed.cipher = Cipher::kAes128Gcm;
        break;
    case NID_aes_256_gcm:
        agreed.cipher = Cipher::kAes256Gcm;
        break;
    case NID_chacha20_poly1305:
        agreed.cipher = Cipher::kChaCha20Poly1305;
        break;
    default:
        return false;
    }
    const EVP_MD* const digest = SSL_CIPHER_get_handshake_digest(cipher);
    const int bytes = digest == nullptr ? 0 : EVP_MD_get_size(digest);
    agreed.digest = bytes == 48 ? Digest::kSha384 : Digest::kSha256;
    return bytes == static_cast<int>(digest_bytes(agreed.digest));
}

} // namespace

const BIO_METHOD* Handshake::wire_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
        ZCOMET_ASSERT(made != nullptr);
        BIO_meth_set_write(made, [](BIO* bio, const char* bytes, int count) {
            static_cast<Wire*>(BIO_get_data(bio))
                ->out->append(bytes, static_cast<std::size_t>(std::max(count, 0)));
            return count;
        });
        BIO_meth_set_read(made, [](BIO* bio, char* to, int count) {
            Wire& wire = *static_cast<Wire*>(BIO_get_data(bio));
            BIO_clear_retry_flags(bio);
            const std::size_t taken =
                wire.in.copy(to, static_cast<std::size_t>(std::max(count, 0)));
            if (taken == 0) {
                BIO_set_retry_read(bio);
                return -1;
            }
            wire.in.remove_prefix(taken);
            return static_cast<int>(taken);
        });
        BIO_meth_set_ctrl(made, [](BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
            return command == BIO_CTRL_FLUSH ? 1L : 0L;
        });
        return made;
    }();
    return method;
}

Handshake::Handshake(std::shared_ptr<const ServerContext> context)
    : context_(std::move(context)), ssl_(SSL_new(context_->first())) {
    BIO* const bio = BIO_new(wire_method());
    ZCOMET_ASSERT(ssl_ != nullptr && bio != nullptr);
    BIO_set_data(bio, &wire_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_accept_state(ssl_.get());
}

Handshake::~Handshake() {
    OPENSSL_cleanse(client_secret_.data(), client_secret_.size());
    OPENSSL_cleanse(server_secret_.data(), server_secret_.size());
}

Handshake& Handshake::of(const SSL* ssl) {
    return *static_cast<Handshake*>(SSL_get_app_data(ssl));
}

void Handshake::take_secret(std::string_view line) {
    const bool is_client = line.starts_with(kClientSecretLabel);
    if (is_client || line.starts_with(kServerSecretLabel)) {
        read_hex(line.substr(line.rfind(' ') + 1), is_client ? client_secret_ : server_secret_);
        has_server_secret_ = has_server_secret_ || !is_client;
    }
}

Handshake::Step Handshake::go_on(std::string_view records, std::string& out) {
    wire_ = {records, &out};
    const std::size_t out_before = out.size();
    ERR_clear_error();
    if (has_server_secret_) {
        ServerContext::tell_secrets(ssl_.get(), true);
    }
    const int done = SSL_do_handshake(ssl_.get());
    ServerContext::tell_secrets(ssl_.get(), false); // the context is that of all connections
    const std::size_t used = records.size() - wire_.in.size();
    wire_.out = nullptr;
    if (done == 1) {
        if (agree(std::string_view(out).substr(out_before))) {
            return {State::kDone, used};
        }
        failure_ = "no shared cipher";
        return {State::kFailed, used};
    }
    if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ) {
        return {State::kUnderWay, used};
    }
    failure_ = take_error();
    return {State::kFailed, used};
}

/// @param last_output  what the last step has written. It began by reading the client's Finished.
///     So under TLS 1.3 all of it is tickets, the first records of the server's last key; its other
///     records were an answer to the ClientHello, and came in an earlier step.
bool Handshake::agree(std::string_view last_output) {
    Agreed agreed;
    if (!read_cipher(SSL_get_current_cipher(ssl_.get()), agreed) ||
        SSL_has_pending(ssl_.get()) != 0) {
        return false;
    }
    agreed.is_tls13 = SSL_version(ssl_.get()) == TLS1_3_VERSION;
    is_resumed_ = SSL_session_reused(ssl_.get()) == 1;
    const SSL_SESSION* const session = SSL_get_session(ssl_.get());
    const std::uint8_t fragment = SSL_SESSION_get_max_fragment_length(session);
    if (fragment != TLSEXT_max_fragment_length_DISABLED) {
        agreed.text_bytes_max = static_cast<std::uint16_t>(1U << (8U + fragment));
    }
    if (!agreed.is_tls13) {
        agree_12(agreed);
        return true;
    }
    const Direction reading{key_of_secret(agreed.digest, agreed.cipher, client_secret_), 0,
                            client_secret_};
    const Direction writing{key_of_secret(agreed.digest, agreed.cipher, server_secret_),
                            count_records(last_output), server_secret_};
    records_ = Records(agreed, reading, writing);
    return true;
}

/// The one record under these keys so far was each side's Finished.
void Handshake::agree_12(Agreed& agreed) {
    std::array<unsigned char, kMasterBytesMax> master{};
    std::array<unsigned char, kRandomBytes> client_random{};
    std::array<unsigned char, kRandomBytes> server_random{};
    const std::size_t master_bytes =
        SSL_SESSION_get_master_key(SSL_get_session(ssl_.get()), master.data(), master.size());
    SSL_get_client_random(ssl_.get(), client_random.data(), client_random.size());
    SSL_get_server_random(ssl_.get(), server_random.data(), server_random.size());
    const auto text = [](const unsigned char* bytes, std::size_t count) {
        return std::string_view(reinterpret_cast<const char*>(bytes), count);
    };
    const std::size_t iv_bytes =
        agreed.cipher == Cipher::kChaCha20Poly1305 ? kNonceBytes : std::size_t{4};
    const RecordKeys12 keys =
        keys_of_master(agreed.digest, agreed.cipher, iv_bytes, text(master.data(), master_bytes),
                       text(client_random.data(), client_random.size()),
                       text(server_random.data(), server_random.size()));
    OPENSSL_cleanse(master.data(), master.size());
    records_ = Records(agreed, {keys.client, 1, {}}, {keys.server, 1, {}});
}

} // namespace zcomet::tls
