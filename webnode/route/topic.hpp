// The ids that stand for topics, which are names from foreign protocols, such as a channel of GRIP
// or a topic of Mercure.
#pragma once

#include <string>
#include <string_view>

namespace zcomet::webnode::route {

/// @param topic  any bytes, one at least.
/// @return the topic itself if it is an id; for any other, and for one that begins as the ids of
///     private_id_of_topic() do, "~" and its SHA-256 in base64url without padding: 44 bytes, an id.
///     Thread: any.
[[nodiscard]] std::string id_of_topic(std::string_view topic);

/// The id of what is sent to the topic privately. No request names it: a stream gets it if its
/// token names the topic.
/// @return request::kPrivatePrefix and id_of_topic(), or the SHA-256 as there if that is too long.
[[nodiscard]] std::string private_id_of_topic(std::string_view topic);

} // namespace zcomet::webnode::route
