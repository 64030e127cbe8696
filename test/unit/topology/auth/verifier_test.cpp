// Tokens of honest issuers, and of those who try.
#include "test/unit/topology/auth/vectors.hpp"
#include "topology/auth/base64url.hpp"
#include "topology/auth/key_file.hpp"
#include "topology/auth/verifier.hpp"

#include <catch2/catch.hpp>

#include <utility>

namespace verifier_test {

using namespace zcomet;
using namespace zcomet::auth;
namespace vectors = zcomet::auth::vectors;

namespace {

constexpr UnixSeconds kNow = 1'790'000'000;

std::vector<Key> keys_of(std::initializer_list<std::string> texts) {
    std::vector<Key> keys;
    for (const std::string& text : texts) {
        auto read = read_keys(text);
        REQUIRE(read.ok());
        keys.insert(keys.end(), read.value().begin(), read.value().end());
    }
    return keys;
}

Key key_of(const std::string& text) {
    return keys_of({text}).front();
}

/// The reason; empty: the token is good.
std::string_view outcome(const Verifier& verifier, std::string_view token, UnixSeconds now = kNow) {
    const auto checked = verifier.check(token, now);
    const Refusal* const refusal = std::get_if<Refusal>(&checked);
    return refusal == nullptr ? std::string_view() : name_of(*refusal);
}

std::string token_of(const std::string& claims, const std::string& key = vectors::kSecret) {
    return make_token(claims, key_of(key));
}

/// A token with any header, signed as an HMAC by `secret`.
std::string forged(const std::string& header, const std::string& claims, const Key& secret) {
    const std::string text = to_base64url(header) + "." + to_base64url(claims);
    return text + "." + to_base64url(secret.sign(text));
}

Key named(const std::string& secret, const std::string& kid) {
    return Key::from_secret(secret, kid).value();
}

} // namespace

TEST_CASE("the tokens of RFC 7515 are good until they expire", "[auth]") {
    for (const auto& [key, token] : {std::pair{vectors::kHs256Key, vectors::kHs256Token},
                                     std::pair{vectors::kRs256Key, vectors::kRs256Token},
                                     std::pair{vectors::kEs256Key, vectors::kEs256Token}}) {
        const Verifier verifier(keys_of({key}), {});
        CHECK(outcome(verifier, token, vectors::kExpires - 1) == "");
        CHECK(outcome(verifier, token, vectors::kExpires + 4) == ""); // leeway
        CHECK(outcome(verifier, token, vectors::kExpires + 5) == "expired");
        const Verifier other(keys_of({vectors::kSecret, vectors::kP256Pem, vectors::kEd25519Pem}),
                             {});
        CHECK(outcome(other, token, 0) == (key == vectors::kRs256Key ? "algorithm" : "signature"));
    }
    // Signed as it should be, and no claims.
    CHECK(outcome(Verifier(keys_of({vectors::kEdDsaKey}), {}), vectors::kEdDsaToken) == "claims");
}

TEST_CASE("a token is good that any key has signed", "[auth]") {
    const Verifier verifier(keys_of({vectors::kSecret, vectors::kP256Pem, vectors::kEd25519Pem}),
                            {});
    for (const std::string& key : {vectors::kSecret, vectors::kP256Pem, vectors::kEd25519Pem}) {
        const auto checked = verifier.check(token_of(R"({"sub":"a"})", key), kNow);
        REQUIRE(std::holds_alternative<Claims>(checked));
        CHECK(std::get<Claims>(checked).may_listen("a"));
    }
}

TEST_CASE("no token names its own algorithm", "[auth]") {
    const Verifier with_public(keys_of({vectors::kRs256Key}), {});
    // The public key as the secret of an HMAC: everybody has it.
    const std::string modulus = *from_base64url(vectors::kRs256Modulus);
    const Key secret = named(modulus, {});
    CHECK(outcome(with_public, make_token("{}", secret)) == "algorithm");
    CHECK(outcome(with_public, forged(R"({"alg":"RS256"})", "{}", secret)) == "signature");
    const Verifier verifier(keys_of({vectors::kSecret}), {});
    const std::string text = to_base64url(R"({"alg":"none"})") + "." + to_base64url("{}") + ".";
    CHECK(outcome(verifier, text) == "algorithm");
    for (const char* const algorithm : {"none", "None", "NONE", "nOnE", "", "HS384", "HS512",
                                        "hs256", "HS256 ", "RS256", "ES256", "EdDSA", "PS256"}) {
        CAPTURE(algorithm);
        const std::string header = std::string(R"({"alg":")") + algorithm + "\"}";
        CHECK(outcome(verifier, forged(header, "{}", key_of(vectors::kSecret))) == "algorithm");
    }
    for (const char* const header : {"{}", R"({"alg":null})", R"({"alg":["HS256"]})"}) {
        CHECK(outcome(verifier, forged(header, "{}", key_of(vectors::kSecret))) == "algorithm");
    }
    CHECK(outcome(verifier, forged(R"({"alg":"HS256"})", "{}", key_of(vectors::kSecret))) == "");
}

TEST_CASE("a token that names a key is checked with that one", "[auth]") {
    const std::string other_secret(32, 'o');
    const Verifier verifier({named(vectors::kSecret, "one"), named(other_secret, "two")}, {});
    CHECK(outcome(verifier, make_token("{}", named(vectors::kSecret, "one"))) == "");
    CHECK(outcome(verifier, make_token("{}", named(other_secret, "two"))) == "");
    CHECK(outcome(verifier, make_token("{}", named(other_secret, ""))) == "");
    CHECK(outcome(verifier, make_token("{}", named(other_secret, "one"))) == "signature");
    CHECK(outcome(verifier, make_token("{}", named(other_secret, "three"))) == "no-key");
    CHECK(outcome(Verifier({}, {}), make_token("{}", named(other_secret, ""))) == "no-key");
    // A key of a file has no name, and fits every token of its algorithm.
    const Verifier nameless(keys_of({vectors::kSecret}), {});
    CHECK(outcome(nameless, make_token("{}", named(vectors::kSecret, "any"))) == "");
    CHECK(outcome(nameless, forged(R"({"alg":"HS256","kid":7})", "{}", key_of(vectors::kSecret))) ==
          "malformed");
}

TEST_CASE("what must be understood and is not makes a token bad", "[auth]") {
    const Verifier verifier(keys_of({vectors::kSecret}), {});
    const Key key = key_of(vectors::kSecret);
    CHECK(outcome(verifier, forged(R"({"alg":"HS256","crit":["b64"],"b64":false})", "{}", key)) ==
          "malformed");
    CHECK(outcome(verifier, forged(R"({"alg":"HS256","crit":[]})", "{}", key)) == "malformed");
    CHECK(outcome(verifier, forged(R"({"alg":"HS256","alg":"HS256"})", "{}", key)) == "malformed");
    CHECK(outcome(verifier,
                  forged(R"({"alg":"HS256","jku":"https://evil.example/"})", "{}", key)) == "");
    CHECK(outcome(verifier, forged(R"({"alg":"HS256"})", R"({"sub":"a","sub":"b"})", key)) ==
          "claims");
}

TEST_CASE("a token that was cut or changed anywhere is bad", "[auth]") {
    const Verifier verifier(keys_of({vectors::kSecret}), {});
    const std::string token = token_of(R"({"sub":"alice","exp":1800000000})");
    REQUIRE(outcome(verifier, token) == "");
    for (std::size_t size = 0; size < token.size(); ++size) {
        CHECK(outcome(verifier, token.substr(0, size)) != "");
    }
    for (std::size_t at = 0; at < token.size(); ++at) {
        for (const char c : {'A', 'B', '.', '=', '\0', '\xff'}) {
            std::string changed = token;
            changed[at] = c;
            CHECK((changed == token || outcome(verifier, changed) != ""));
        }
    }
    for (const std::string& wrong :
         {token + "=", token + ".", "." + token, token + "A", token + "\n", " " + token,
          token + "." + token, std::string(), std::string("."), std::string(".."),
          std::string("..."), std::string(8192, '.')}) {
        CHECK(outcome(verifier, wrong) != "");
    }
}

TEST_CASE("a long token is refused before it is read", "[auth]") {
    const Verifier verifier(keys_of({vectors::kSecret}), {});
    const auto token = [](std::size_t bytes) {
        return token_of(R"({"sub":"a","x":")" + std::string(bytes, 'x') + "\"}");
    };
    CHECK(outcome(verifier, token(6000)) == "");
    CHECK(outcome(verifier, token(6200)) == "too-long");
    CHECK(outcome(verifier, std::string(kTokenBytesMax + 1, 'a')) == "too-long");
    const std::string deep = std::string(3000, '[') + std::string(3000, ']');
    CHECK(outcome(verifier, token_of(R"({"sub":"a","x":)" + deep + "}")) == "claims");
    CHECK(outcome(verifier, forged(R"({"alg":"HS256","x":)" + deep + "}", "{}",
                                   key_of(vectors::kSecret))) == "malformed");
}

TEST_CASE("times are compared with leeway on both sides", "[auth]") {
    const Verifier verifier(keys_of({vectors::kSecret}),
                            {.issuer = {}, .audience = {}, .leeway = std::chrono::seconds(10)});
    const std::string token = token_of(R"({"nbf":1000,"exp":2000})");
    for (const auto& [now, wanted] : {std::pair<UnixSeconds, std::string_view>{0, "not-yet"},
                                      {989, "not-yet"},
                                      {990, ""},
                                      {2009, ""},
                                      {2010, "expired"},
                                      {kNow, "expired"}}) {
        CAPTURE(now);
        CHECK(outcome(verifier, token, now) == wanted);
    }
    CHECK(outcome(verifier, token_of("{}"), kForever - 1) == "");
    CHECK(outcome(verifier, token_of(R"({"exp":253402300799})"), kNow) == "");
    CHECK(outcome(verifier, token_of(R"({"exp":1e300})"), kNow) == "claims");
}

TEST_CASE("issuer and audience are checked where they are wanted", "[auth]") {
    const Verifier verifier(keys_of({vectors::kSecret}),
                            {.issuer = "me", .audience = "you", .leeway = {}});
    CHECK(outcome(verifier, token_of(R"({"iss":"me","aud":"you"})")) == "");
    CHECK(outcome(verifier, token_of(R"({"iss":"me","aud":["them","you"]})")) == "");
    CHECK(outcome(verifier, token_of(R"({"iss":"them","aud":"you"})")) == "issuer");
    CHECK(outcome(verifier, token_of(R"({"aud":"you"})")) == "issuer");
    CHECK(outcome(verifier, token_of(R"({"iss":"me"})")) == "audience");
    CHECK(outcome(verifier, token_of(R"({"iss":"me","aud":[]})")) == "audience");
    CHECK(outcome(verifier, token_of(R"({"iss":"me","aud":"yo"})")) == "audience");
    const Verifier any(keys_of({vectors::kSecret}), {});
    CHECK(outcome(any, token_of(R"({"iss":"them","aud":"them"})")) == "");
}

} // namespace verifier_test
