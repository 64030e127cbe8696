#include "webnode/route/topic.hpp"

#include "topology/crypto/sha256.hpp"
#include "topology/wire/id.hpp"
#include "webnode/request/gate.hpp"

#include <absl/strings/escaping.h>

namespace zcomet::webnode::route {

namespace {

std::string id_of_digest(std::string_view topic) {
    const auto digest = crypto::sha256(topic);
    return "~" + absl::WebSafeBase64Escape(absl::string_view(digest.data(), digest.size()));
}

} // namespace

std::string id_of_topic(std::string_view topic) {
    const bool is_id = wire::valid_id(topic) && !topic.starts_with(request::kPrivatePrefix);
    return is_id ? std::string(topic) : id_of_digest(topic);
}

std::string private_id_of_topic(std::string_view topic) {
    const std::string id = id_of_topic(topic);
    const bool fits = request::kPrivatePrefix.size() + id.size() <= wire::kIdBytesMax;
    return std::string(request::kPrivatePrefix) + (fits ? id : id_of_digest(topic));
}

} // namespace zcomet::webnode::route
