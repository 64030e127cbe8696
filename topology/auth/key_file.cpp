#include "topology/auth/key_file.hpp"

#include "topology/auth/base64url.hpp"
#include "topology/auth/json_object.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace zcomet::auth {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

/// The bytes of a member; empty if it has none.
std::string bytes_in(const nlohmann::json& key, const char* name) {
    return from_base64url(text_member(key, name)).value_or(std::string());
}

/// Whether the key is for checking signatures. Most say nothing of what they are for.
bool is_for_signatures(const nlohmann::json& key) {
    const auto use = key.find("use");
    const auto operations = key.find("key_ops");
    const auto names = [&](const char* operation) {
        return operations->is_array() &&
               std::find(operations->begin(), operations->end(), operation) != operations->end();
    };
    return (use == key.end() || *use == "sig") &&
           (operations == key.end() || names("verify") || names("sign"));
}

/// @return nothing: it is of no kind that is known here.
std::optional<Result<Key>> read_jwk(const nlohmann::json& key) {
    const std::string kty = text_member(key, "kty");
    const std::string crv = text_member(key, "crv");
    std::string kid = text_member(key, "kid");
    if (kty == "oct") {
        return Key::from_secret(bytes_in(key, "k"), std::move(kid));
    }
    if (kty == "EC" && crv == "P-256") {
        return Key::from_point(bytes_in(key, "x"), bytes_in(key, "y"), std::move(kid));
    }
    if (kty == "RSA") {
        return Key::from_rsa(bytes_in(key, "n"), bytes_in(key, "e"), std::move(kid));
    }
    if (kty == "OKP" && crv == "Ed25519") {
        return Key::from_ed25519(bytes_in(key, "x"), std::move(kid));
    }
    return std::nullopt;
}

/// Adds a key of a set, unless it is left out.   Errors: it is of a known kind, and wrong.
Status add_jwk(std::vector<Key>& keys, const nlohmann::json& jwk) {
    if (!jwk.is_object() || !is_for_signatures(jwk)) {
        return Done{};
    }
    auto key = read_jwk(jwk);
    if (!key) {
        return Done{};
    }
    if (!key->ok()) {
        return key->error();
    }
    // A key for another algorithm, such as RS512, is none for this one.
    const auto alg = jwk.find("alg");
    const bool fits =
        alg == jwk.end() ||
        (alg->is_string() && algorithm_of(alg->get<std::string>()) == key->value().algorithm());
    if (fits) {
        keys.push_back(std::move(key->value()));
    }
    return Done{};
}

Result<std::vector<Key>> read_set(const std::string& text) {
    nlohmann::json set;
    if (!read_object(text, set)) {
        return Error{"it begins like a JSON Web Key Set, and is no JSON object"};
    }
    std::vector<Key> keys;
    const auto listed = set.find("keys");
    if (listed == set.end()) {
        if (const Status added = add_jwk(keys, set); !added.ok()) {
            return added.error();
        }
        return keys;
    }
    if (!listed->is_array()) {
        return Error{"the \"keys\" of a JSON Web Key Set are a list"};
    }
    for (const nlohmann::json& jwk : *listed) {
        if (const Status added = add_jwk(keys, jwk); !added.ok()) {
            return added.error();
        }
        if (keys.size() > kKeysMax) {
            break;
        }
    }
    return keys;
}

Result<std::vector<Key>> alone(Result<Key> key) {
    if (!key.ok()) {
        return key.error();
    }
    return std::vector<Key>{std::move(key).value()};
}

} // namespace

Result<std::vector<Key>> read_keys(const std::string& text) {
    if (text.size() > kKeyFileBytesMax) {
        return Error{"a file with keys has at most " + std::to_string(kKeyFileBytesMax) + " bytes"};
    }
    const std::size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
    if (text.compare(begin, 1, "{") == 0) {
        auto keys = read_set(text);
        if (keys.ok() && (keys.value().empty() || keys.value().size() > kKeysMax)) {
            return Error{"a JSON Web Key Set has 1 to " + std::to_string(kKeysMax) +
                         " keys for HS256, ES256, RS256 or EdDSA here"};
        }
        return keys;
    }
    if (text.find("-----BEGIN ") != std::string::npos) {
        return alone(Key::from_pem(text, {}));
    }
    std::string_view secret = text;
    while (secret.ends_with('\n') || secret.ends_with('\r')) {
        secret.remove_suffix(1);
    }
    return alone(Key::from_secret(secret, {}));
}

} // namespace zcomet::auth
