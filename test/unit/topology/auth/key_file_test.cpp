// Keys in all their forms, and the signatures of the specifications.
#include "test/unit/topology/auth/vectors.hpp"
#include "topology/auth/key_file.hpp"
#include "topology/auth/token.hpp"

#include <catch2/catch.hpp>

namespace key_file_test {

using namespace zcomet;
using namespace zcomet::auth;
namespace vectors = zcomet::auth::vectors;

namespace {

Key one_key(const std::string& text) {
    auto keys = read_keys(text);
    INFO((keys.ok() ? std::string() : keys.error().text));
    REQUIRE(keys.ok());
    REQUIRE(keys.value().size() == 1);
    return keys.value().front();
}

std::string complaint(const std::string& text) {
    const auto keys = read_keys(text);
    return keys.ok() ? "" : keys.error().text;
}

std::string set_of(std::initializer_list<std::string> keys) {
    std::string text;
    for (const std::string& key : keys) {
        text += (text.empty() ? "" : ",") + key;
    }
    return "{\"keys\":[" + text + "]}";
}

bool verifies(const Key& key, const std::string& token) {
    const auto parts = split_token(token);
    REQUIRE(parts);
    return key.verify(parts->signed_text, parts->signature);
}

} // namespace

TEST_CASE("the examples of RFC 7515 and RFC 8037 are verified, and not when a bit is wrong",
          "[auth]") {
    struct Example {
        std::string key;
        std::string token;
        Algorithm algorithm;
    };
    for (const Example& example :
         {Example{vectors::kHs256Key, vectors::kHs256Token, Algorithm::kHs256},
          Example{vectors::kRs256Key, vectors::kRs256Token, Algorithm::kRs256},
          Example{vectors::kEs256Key, vectors::kEs256Token, Algorithm::kEs256},
          Example{vectors::kEdDsaKey, vectors::kEdDsaToken, Algorithm::kEdDsa}}) {
        CAPTURE(name_of(example.algorithm));
        const Key key = one_key(example.key);
        CHECK(key.algorithm() == example.algorithm);
        CHECK(key.can_sign() == (example.algorithm == Algorithm::kHs256));
        CHECK(verifies(key, example.token));
        const auto parts = split_token(example.token);
        for (std::size_t at :
             {std::size_t{0}, parts->signature.size() / 2, parts->signature.size() - 1}) {
            std::string wrong = parts->signature;
            wrong[at] = static_cast<char>(wrong[at] ^ 1);
            CHECK_FALSE(key.verify(parts->signed_text, wrong));
        }
        CHECK_FALSE(key.verify(std::string(parts->signed_text) + "x", parts->signature));
        CHECK_FALSE(key.verify(parts->signed_text, ""));
        CHECK_FALSE(key.verify(parts->signed_text, parts->signature.substr(1)));
        CHECK_FALSE(key.verify(parts->signed_text, parts->signature + '\0'));
        CHECK_FALSE(key.verify(parts->signed_text, std::string(10'000, 'x')));
    }
}

TEST_CASE("a signature of zeros is none", "[auth]") { // as once in Java: CVE-2022-21449
    const Key key = one_key(vectors::kEs256Key);
    CHECK_FALSE(key.verify("x", std::string(64, '\0')));
    CHECK_FALSE(one_key(vectors::kEdDsaKey).verify("x", std::string(64, '\0')));
    CHECK_FALSE(one_key(vectors::kRs256Key).verify("x", std::string(256, '\0')));
}

TEST_CASE("keys that can sign make signatures that they verify", "[auth]") {
    for (const std::string& text : {vectors::kSecret, vectors::kEd25519Pem, vectors::kP256Pem}) {
        const Key key = one_key(text);
        CHECK(key.can_sign());
        for (int n = 0; n < 20; ++n) { // the numbers of ES256 may begin with zeros
            const std::string message = "message " + std::to_string(n);
            CHECK(key.verify(message, key.sign(message)));
            CHECK_FALSE(key.verify(message + "x", key.sign(message)));
        }
    }
}

TEST_CASE("a secret is the file without the newline at its end", "[auth]") {
    const Key key = one_key(vectors::kSecret + "\n");
    CHECK(key.verify("x", one_key(vectors::kSecret + "\r\n").sign("x")));
    CHECK(key.verify("x", one_key(vectors::kSecret).sign("x")));
    CHECK_FALSE(key.verify("x", one_key(vectors::kSecret + " ").sign("x")));
    CHECK(complaint("too short\n").find("32 to 1024 bytes, and this has 9") != std::string::npos);
    CHECK_FALSE(complaint(std::string(1025, 'x')).empty());
    CHECK_FALSE(complaint("").empty());
}

TEST_CASE("of a set the keys that are for signatures count", "[auth]") {
    const std::string named =
        R"({"kid":"2026","alg":"ES256","use":"sig",)" + vectors::kEs256Key.substr(1);
    const auto keys = read_keys(set_of({
        named,
        R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})", // of no use here
        R"({"kty":"new"})",
        R"({"use":"enc",)" + vectors::kRs256Key.substr(1),
        R"({"alg":"RS512",)" + vectors::kRs256Key.substr(1),
        R"({"key_ops":["encrypt"],)" + vectors::kRs256Key.substr(1),
        R"({"key_ops":["verify"],)" + vectors::kEdDsaKey.substr(1),
        "7",
    }));
    REQUIRE(keys.ok());
    REQUIRE(keys.value().size() == 2);
    CHECK(keys.value()[0].kid() == "2026");
    CHECK(keys.value()[0].algorithm() == Algorithm::kEs256);
    CHECK(keys.value()[1].kid().empty());
    CHECK(keys.value()[1].algorithm() == Algorithm::kEdDsa);
}

TEST_CASE("a file without a key that can be used is refused, in words without the key", "[auth]") {
    for (const std::string& text : {
             std::string("{}"),
             std::string("{"),
             std::string(R"({"keys":{}})"),
             set_of({}),
             set_of({R"({"kty":"oct","k":"c2hvcnQ"})"}),
             set_of({R"({"kty":"oct","k":"not base64 of thirty-two bytes or more"})"}),
             set_of({R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"}),
             // Not on the curve: another last byte.
             set_of(
                 {R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                  R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"})"}),
             set_of({R"({"kty":"RSA","n":"","e":"AQAB"})"}),
             set_of({R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"}),
             set_of({R"({"kty":"OKP","crv":"Ed25519","x":"AA"})"}),
             vectors::kRsa1024Pem,
             vectors::kP384Pem,
             std::string("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n"),
             std::string("-----BEGIN PUBLIC KEY-----\n"),
             std::string("-----BEGIN CERTIFICATE-----\n"),
             std::string("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                         "-----END ENCRYPTED PRIVATE KEY-----\n"),
             std::string(kKeyFileBytesMax + 1, ' ') + "{}",
         }) {
        CAPTURE(text.substr(0, 200));
        const std::string why = complaint(text);
        CHECK_FALSE(why.empty());
        CHECK(why.find("AQAB") == std::string::npos);
    }
}

TEST_CASE("there are at most so many keys", "[auth]") {
    const auto set = [](std::size_t count) {
        std::string keys;
        for (std::size_t n = 0; n < count; ++n) {
            keys += (n == 0 ? "" : ",") + vectors::kEs256Key;
        }
        return set_of({keys});
    };
    CHECK(complaint(set(kKeysMax)).empty());
    CHECK_FALSE(complaint(set(kKeysMax + 1)).empty());
}

} // namespace key_file_test
