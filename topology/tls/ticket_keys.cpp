#include "topology/tls/ticket_keys.hpp"

#include "topology/base/check.hpp"
#include "topology/tls/openssl.hpp"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace zcomet::tls {

namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::size_t kSecretBytes = 32;
/// A clock that jumps by more than this many periods, half a year, costs sessions and not time.
constexpr std::uint64_t kStepsMax = 4096;

std::array<unsigned char, kSecretBytes> derive(const std::array<unsigned char, kSecretBytes>& from,
                                               std::string_view label) {
    std::array<unsigned char, kSecretBytes> made{};
    unsigned int size = 0;
    const unsigned char* const done = HMAC(EVP_sha256(), from.data(), static_cast<int>(from.size()),
                                           bytes_of(label), label.size(), made.data(), &size);
    ZCOMET_ASSERT(done != nullptr && size == made.size());
    return made;
}

TicketKey key_of(const std::array<unsigned char, kSecretBytes>& secret) {
    TicketKey key;
    const auto name = derive(secret, "name");
    std::copy_n(name.begin(), key.name.size(), key.name.begin());
    key.aes = derive(secret, "aes");
    key.hmac = derive(secret, "hmac");
    return key;
}

void step(std::array<unsigned char, kSecretBytes>& secret, std::uint64_t& period,
          std::uint64_t to) {
    if (to - period > kStepsMax) {
        secret = derive(secret, "jump " + std::to_string(to));
        period = to;
    }
    for (; period < to; ++period) {
        secret = derive(secret, "next");
    }
}

int digit_of(char c) {
    const std::string_view digits(kHexDigits, 16);
    const std::size_t at = digits.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

} // namespace

/// PERIOD:HEX
std::string TicketKeys::write(std::uint64_t period, const Secret& secret) {
    std::string text = std::to_string(period) + ":";
    for (const unsigned char byte : secret) {
        text.push_back(kHexDigits[byte >> 4U]);
        text.push_back(kHexDigits[byte & 15U]);
    }
    return text;
}

bool TicketKeys::read(const std::string& text, std::uint64_t& period, Secret& secret) {
    const char* const end = text.data() + text.size();
    const auto [colon, error] = std::from_chars(text.data(), end, period);
    if (error != std::errc() || colon == end || *colon != ':' ||
        static_cast<std::size_t>(end - colon) != 1 + 2 * kSecretBytes) {
        return false;
    }
    const char* at = colon + 1;
    for (unsigned char& byte : secret) {
        const int high = digit_of(*at++);
        const int low = digit_of(*at++);
        if (high < 0 || low < 0) {
            return false;
        }
        byte = static_cast<unsigned char>(high * 16 + low);
    }
    return true;
}

std::string TicketKeys::make_secret(std::uint64_t now_s) {
    Secret secret{};
    ZCOMET_ASSERT(RAND_bytes(secret.data(), static_cast<int>(secret.size())) == 1);
    return write(now_s / kTicketPeriodSeconds, secret);
}

std::string TicketKeys::advance(const std::string& secret, std::uint64_t now_s) {
    std::uint64_t period = 0;
    Secret bytes{};
    const std::uint64_t now = now_s / kTicketPeriodSeconds;
    if (!read(secret, period, bytes) || now <= period) {
        return secret;
    }
    step(bytes, period, now);
    return write(period, bytes);
}

Result<TicketKeys> TicketKeys::of(const std::string& secret, std::uint64_t now_s) {
    TicketKeys keys;
    if (!read(secret, keys.period_, keys.secret_)) {
        return Error{"the supervisor's secret for session tickets is none"};
    }
    keys.newest_ = key_of(keys.secret_);
    keys.go_on_to(now_s / kTicketPeriodSeconds);
    return keys;
}

void TicketKeys::go_on_to(std::uint64_t period) {
    if (period <= period_) {
        return;
    }
    step(secret_, period_, period - 1); // nothing to do when the next period has begun
    before_ = key_of(secret_);
    has_before_ = true;
    step(secret_, period_, period);
    newest_ = key_of(secret_);
}

const TicketKey& TicketKeys::newest(std::uint64_t now_s) {
    go_on_to(now_s / kTicketPeriodSeconds);
    return newest_;
}

const TicketKey* TicketKeys::find(const unsigned char* name, std::uint64_t now_s) {
    go_on_to(now_s / kTicketPeriodSeconds);
    const auto is_it = [name](const TicketKey& key) {
        return CRYPTO_memcmp(name, key.name.data(), key.name.size()) == 0;
    };
    if (is_it(newest_)) {
        return &newest_;
    }
    return has_before_ && is_it(before_) ? &before_ : nullptr;
}

} // namespace zcomet::tls
