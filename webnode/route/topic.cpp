#include "webnode/route/topic.hpp"

#include "topology/crypto/sha256.hpp"
#include "topology/wire/id.hpp"

#include <absl/strings/escaping.h>

namespace zcomet::webnode::route {

std::string id_of_topic(std::string_view topic) {
    if (wire::valid_id(topic)) {
        return std::string(topic);
    }
    const auto digest = crypto::sha256(topic);
    return "~" + absl::WebSafeBase64Escape(absl::string_view(digest.data(), digest.size()));
}

} // namespace zcomet::webnode::route
