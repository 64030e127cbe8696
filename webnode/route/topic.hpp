// The ids that stand for topics, which are names from foreign protocols, such as a channel of GRIP.
#pragma once

#include <string>
#include <string_view>

namespace zcomet::webnode::route {

/// @param topic  any bytes, one at least.
/// @return the topic itself if it is an id; for any other "~" and its SHA-256 in base64url without
///     padding: 44 bytes, an id.   Thread: any.
[[nodiscard]] std::string id_of_topic(std::string_view topic);

} // namespace zcomet::webnode::route
