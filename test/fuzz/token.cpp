// Fuzz target: tokens, their keys, and where they are in requests. The first byte says what the
// rest is: T a token, P the payload of a token that is signed, H the header of one, K a file of
// keys, R the head of a request.
//
// A token that is let through is no longer so with another character. Claims come back as they are
// written. A header lets a token through only if it names the key's algorithm. Keys that can sign
// verify what they sign.
#include "test/fuzz/target.hpp"
#include "test/unit/topology/auth/vectors.hpp"
#include "topology/auth/base64url.hpp"
#include "topology/auth/key_file.hpp"
#include "topology/auth/verifier.hpp"
#include "topology/base/check.hpp"
#include "webnode/request/gate.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace zcomet;
using namespace zcomet::auth;

namespace {

constexpr UnixSeconds kNow = 1'300'000'000; // the tokens of RFC 7515 are good

const Key& secret_key() {
    static const Key key = Key::from_secret(vectors::kSecret, "one").value();
    return key;
}

const Verifier& verifier() {
    static const Verifier verifier = [] {
        std::vector<Key> keys{secret_key()};
        for (const std::string& text :
             {vectors::kHs256Key, vectors::kEs256Key, vectors::kRs256Key, vectors::kEdDsaKey}) {
            keys.push_back(read_keys(text).value().front());
        }
        return Verifier(std::move(keys), {});
    }();
    return verifier;
}

bool is_good(std::string_view token) {
    return std::holds_alternative<Claims>(verifier().check(token, kNow));
}

void check_token(const std::string& token) {
    if (!is_good(token)) {
        return;
    }
    ZCOMET_ASSERT(token.size() <= kTokenBytesMax);
    ZCOMET_ASSERT(std::count(token.begin(), token.end(), '.') == 2);
    ZCOMET_ASSERT(!is_good(token + "A") && !is_good(token.substr(1)));
    for (const std::size_t at : {std::size_t{3}, token.size() / 2, token.size() - 1}) {
        std::string other = token;
        other[at] = other[at] == 'A' ? 'B' : 'A';
        ZCOMET_ASSERT(!is_good(other));
    }
}

void check_payload(const std::string& payload) {
    const std::string token = make_token(payload, secret_key());
    const auto claims = read_claims(payload);
    if (token.size() > kTokenBytesMax) {
        ZCOMET_ASSERT(!is_good(token));
        return;
    }
    const bool is_in_time = claims && !verifier().why_not_at(*claims, kNow);
    ZCOMET_ASSERT(is_good(token) == is_in_time);
    if (!claims) {
        return;
    }
    ZCOMET_ASSERT(claims->expires >= 0 && claims->not_before >= 0);
    ZCOMET_ASSERT(claims->ids.size() <= kClaimPatternsMax);
    ZCOMET_ASSERT(claims->topics_to_publish.size() <= kClaimTopicsMax &&
                  claims->topics_to_subscribe.size() <= kClaimTopicsMax);
    ZCOMET_ASSERT(!claims->may_listen("") || !claims->ids.empty());
    ZCOMET_ASSERT(!claims->publish.empty() || !claims->may_publish("a"));
    const auto again = read_claims(write_claims(*claims));
    ZCOMET_ASSERT(again && again->subject == claims->subject && again->ids == claims->ids &&
                  again->publish == claims->publish &&
                  again->topics_to_publish == claims->topics_to_publish &&
                  again->topics_to_subscribe == claims->topics_to_subscribe &&
                  again->expires == claims->expires && again->not_before == claims->not_before &&
                  again->issuer == claims->issuer && again->audience == claims->audience);
}

void check_header(const std::string& header) {
    const std::string text = to_base64url(header) + "." + to_base64url("{}");
    const std::string token = text + "." + to_base64url(secret_key().sign(text));
    const bool may_name_it = header.find("HS256") != std::string::npos ||
                             header.find('\\') != std::string::npos; // an escape
    ZCOMET_ASSERT(token.size() > kTokenBytesMax || may_name_it || !is_good(token));
}

void check_keys(const std::string& text) {
    const auto keys = read_keys(text);
    if (!keys.ok()) {
        ZCOMET_ASSERT(!keys.error().text.empty() && keys.error().text.size() < 200);
        return;
    }
    ZCOMET_ASSERT(!keys.value().empty() && keys.value().size() <= kKeysMax);
    for (const Key& key : keys.value()) {
        ZCOMET_ASSERT(!key.verify("text", std::string(64, '\0')));
        ZCOMET_ASSERT(!key.can_sign() || key.verify("text", key.sign("text")));
    }
}

void check_request(const std::string& head) {
    const std::string token = webnode::request::token_in(head, "zcomet_token");
    ZCOMET_ASSERT(token.size() <= head.size());
    ZCOMET_ASSERT(webnode::request::token_in(head, "").size() <= head.size());
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [letter, text] = fuzz::lettered(data, size);
    switch (letter) {
    case 'T':
        check_token(text.substr(0, 2 * kTokenBytesMax));
        break;
    case 'P':
        check_payload(text);
        break;
    case 'H':
        check_header(text);
        break;
    case 'K':
        check_keys(text);
        break;
    case 'R':
        check_request(text);
        break;
    default:
        break;
    }
    return 0;
}
