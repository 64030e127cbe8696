#include "topology/tls/aead.hpp"

#include "topology/base/check.hpp"

namespace zcomet::tls {

namespace {

constexpr std::array<const char*, kCiphers> kNames{"AES-128-GCM", "AES-256-GCM",
                                                   "ChaCha20-Poly1305"};

} // namespace

Aead::Aead(std::uint64_t records_of_key_max) : records_of_key_max_(records_of_key_max) {
    for (std::size_t i = 0; i < kCiphers; ++i) {
        const Owned<EVP_CIPHER> cipher(EVP_CIPHER_fetch(nullptr, kNames[i], nullptr));
        Contexts& contexts = contexts_[i];
        contexts.sealing.reset(EVP_CIPHER_CTX_new());
        contexts.opening.reset(EVP_CIPHER_CTX_new());
        ZCOMET_ASSERT(cipher != nullptr && contexts.sealing != nullptr &&
                      contexts.opening != nullptr);
        ZCOMET_ASSERT(EVP_EncryptInit_ex2(contexts.sealing.get(), cipher.get(), nullptr, nullptr,
                                          nullptr) == 1);
        ZCOMET_ASSERT(EVP_DecryptInit_ex2(contexts.opening.get(), cipher.get(), nullptr, nullptr,
                                          nullptr) == 1);
    }
}

void Aead::seal(Cipher cipher, const Key& key, const Nonce& nonce, std::string_view associated,
                std::string_view text, std::string_view tail, std::string& out) {
    EVP_CIPHER_CTX* const context = contexts_[static_cast<std::size_t>(cipher)].sealing.get();
    const std::size_t begin = out.size();
    out.resize(begin + text.size() + tail.size() + kTagBytes);
    int done = 0;
    int done_tail = 0;
    int last = 0;
    bool good = EVP_EncryptInit_ex2(context, nullptr, key.data(), nonce.data(), nullptr) == 1;
    good = good && EVP_EncryptUpdate(context, nullptr, &done, bytes_of(associated),
                                     static_cast<int>(associated.size())) == 1;
    done = 0;
    good = good &&
           (text.empty() || EVP_EncryptUpdate(context, bytes_of(out.data() + begin), &done,
                                              bytes_of(text), static_cast<int>(text.size())) == 1);
    good = good && (tail.empty() ||
                    EVP_EncryptUpdate(context, bytes_of(out.data() + begin + done), &done_tail,
                                      bytes_of(tail), static_cast<int>(tail.size())) == 1);
    char* const end = out.data() + begin + text.size() + tail.size();
    good = good && EVP_EncryptFinal_ex(context, bytes_of(end), &last) == 1;
    good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes),
                                       end) == 1;
    ZCOMET_ASSERT(good);
    ZCOMET_ASSERT(static_cast<std::size_t>(done + done_tail + last) == text.size() + tail.size());
}

bool Aead::open(Cipher cipher, const Key& key, const Nonce& nonce, std::string_view associated,
                std::string_view sealed, std::string& out) {
    if (sealed.size() < kTagBytes) {
        return false;
    }
    EVP_CIPHER_CTX* const context = contexts_[static_cast<std::size_t>(cipher)].opening.get();
    const std::size_t begin = out.size();
    const std::size_t size = sealed.size() - kTagBytes;
    std::array<char, kTagBytes> tag{};
    sealed.copy(tag.data(), kTagBytes, size);
    out.resize(begin + size + 1); // so that an empty text has a place, too
    int done = 0;
    int last = 0;
    bool good = EVP_DecryptInit_ex2(context, nullptr, key.data(), nonce.data(), nullptr) == 1;
    good = good && EVP_DecryptUpdate(context, nullptr, &done, bytes_of(associated),
                                     static_cast<int>(associated.size())) == 1;
    done = 0;
    good = good && (size == 0 || EVP_DecryptUpdate(context, bytes_of(out.data() + begin), &done,
                                                   bytes_of(sealed), static_cast<int>(size)) == 1);
    ZCOMET_ASSERT(good);
    good = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes),
                               tag.data()) == 1;
    good = good && EVP_DecryptFinal_ex(context, bytes_of(out.data() + begin + done), &last) == 1;
    ERR_clear_error();
    out.resize(good ? begin + size : begin);
    return good;
}

} // namespace zcomet::tls
