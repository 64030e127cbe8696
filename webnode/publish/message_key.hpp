// The key by which the broker of an id knows a message again.
#pragma once

#include <string>
#include <string_view>

namespace zcomet::webnode::publish {

/// The same for the same id and key on each web node, and another one for every other id or key.
/// @param key  as its client gave it.
/// @return wire::kKeyBytes bytes.
[[nodiscard]] std::string message_key(std::string_view id, std::string_view key);

} // namespace zcomet::webnode::publish
