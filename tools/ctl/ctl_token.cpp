#include "tools/ctl/ctl_token.hpp"

#include "topology/auth/claims.hpp"
#include "topology/auth/key_file.hpp"
#include "topology/auth/token.hpp"
#include "topology/base/small_file.hpp"
#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/program/core_dumps.hpp"
#include "topology/program/program.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace zcomet::tools::ctl {

namespace {

auth::Key signing_key(const TokenOptions& options) {
    program::make_no_core_dumps();
    const auto file = value_or_throw<program::Misconfigured>(
        read_small_file(options.key_file, auth::kKeyFileBytesMax));
    const auto keys = auth::read_keys(file.text);
    if (!keys.ok()) {
        throw program::Misconfigured(in_quotes(options.key_file) + ": " + keys.error().text);
    }
    const auto found =
        std::find_if(keys.value().begin(), keys.value().end(), [&](const auth::Key& key) {
            return key.can_sign() && (options.kid.empty() || key.kid() == options.kid);
        });
    if (found == keys.value().end()) {
        throw program::Misconfigured(
            in_quotes(options.key_file) +
            " has no such key that can sign: a secret, or a private key in PEM");
    }
    if (file.is_open_to_others) {
        throw program::Misconfigured(in_quotes(options.key_file) +
                                     " may be read by others: chmod 600 makes it yours alone");
    }
    return *found;
}

} // namespace

void ctl_token(const TokenOptions& options) {
    if (options.subject.empty() && options.ids.empty() && options.publish.empty() &&
        options.topics.empty() && options.publish_topics.empty()) {
        throw program::Misconfigured(
            "a token that opens nothing is of no use: --sub, --ids and --topics are for "
            "listening, --publish and --publish-topics for sending");
    }
    const auth::Key key = signing_key(options);
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    auth::Claims claims;
    claims.subject = options.subject;
    claims.ids = options.ids;
    claims.publish = options.publish;
    claims.topics_to_subscribe = options.topics;
    claims.topics_to_publish = options.publish_topics;
    claims.expires = (now + options.life).count();
    claims.issuer = options.issuer;
    claims.audience = options.audience;
    const std::string token = auth::make_token(auth::write_claims(claims), key);
    if (token.size() > auth::kTokenBytesMax) {
        throw program::Misconfigured("this token would have " + std::to_string(token.size()) +
                                     " bytes, and one has at most " +
                                     std::to_string(auth::kTokenBytesMax));
    }
    if (options.json) {
        const nlohmann::ordered_json json{{"token", token}, {"expires", claims.expires}};
        fmt::print("{}\n", json.dump());
    } else {
        fmt::print("{}\n", token);
    }
}

} // namespace zcomet::tools::ctl
