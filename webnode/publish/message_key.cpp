#include "webnode/publish/message_key.hpp"

#include "topology/crypto/sha256.hpp"
#include "topology/wire/attributes.hpp"

namespace zcomet::webnode::publish {

std::string message_key(std::string_view id, std::string_view key) {
    std::string both(id);
    both.push_back('\0'); // which no id has
    both.append(key);
    const auto digest = crypto::sha256(both);
    return {digest.data(), wire::kKeyBytes};
}

} // namespace zcomet::webnode::publish
