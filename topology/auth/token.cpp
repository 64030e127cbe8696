#include "topology/auth/token.hpp"

#include "topology/auth/base64url.hpp"
#include "topology/auth/json_object.hpp"
#include "topology/base/check.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace zcomet::auth {

std::optional<Parts> split_token(std::string_view token) {
    ZCOMET_ASSERT(token.size() <= kTokenBytesMax);
    const std::size_t first = token.find('.');
    const std::size_t last = token.rfind('.');
    if (first == std::string_view::npos || first == last) {
        return std::nullopt;
    }
    // A third dot is in the payload then, where it is no base64url.
    const auto header = from_base64url(token.substr(0, first));
    auto payload = from_base64url(token.substr(first + 1, last - first - 1));
    auto signature = from_base64url(token.substr(last + 1));
    nlohmann::json named;
    if (!header || !payload || !signature || !read_object(*header, named)) {
        return std::nullopt;
    }
    const auto kid = named.find("kid");
    if (named.contains("crit") || (kid != named.end() && !kid->is_string())) {
        return std::nullopt;
    }
    return Parts{.algorithm = text_member(named, "alg"),
                 .kid = text_member(named, "kid"),
                 .payload = std::move(*payload),
                 .signature = std::move(*signature),
                 .signed_text = token.substr(0, last)};
}

std::string make_token(std::string_view payload, const Key& key) {
    nlohmann::ordered_json header{{"typ", "JWT"}, {"alg", name_of(key.algorithm())}};
    if (!key.kid().empty()) {
        header["kid"] = key.kid();
    }
    std::string token = to_base64url(header.dump()) + "." + to_base64url(payload);
    return token + "." + to_base64url(key.sign(token));
}

} // namespace zcomet::auth
