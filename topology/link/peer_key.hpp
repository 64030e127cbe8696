// The key of a peer: from its file to the security of its links.
#pragma once

#include "topology/base/result.hpp"
#include "topology/link/security.hpp"

#include <string>
#include <string_view>

namespace zcomet::link {

/// The environment's name for a key file.
inline constexpr const char* kKeyVariable = "ZCOMET_KEY";

/// @return `given`, or the file that the environment names if `given` is empty.
[[nodiscard]] std::string key_file_or_environment(const std::string& given);

/// The keys in a key file as one word, which is a secret: for a process that may not read the file,
/// or cannot be given one. Empty if `path` is.
/// Errors: keys::read_secret_key_file(); it names no broker; the keys are no pair.
[[nodiscard]] Result<std::string> read_peer_key(const std::string& path);

/// @param key  read_peer_key(); empty: links are plain.
[[nodiscard]] Security security_of_peer(const std::string& key);

} // namespace zcomet::link
