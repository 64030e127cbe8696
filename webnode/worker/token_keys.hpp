// The keys of --token-keys, on their way from files to workers. The supervisor reads the files: its
// workers need not be able to, and do not wait for a disk.
#pragma once

#include "topology/auth/key.hpp"
#include "topology/base/result.hpp"

#include <string>
#include <vector>

namespace zcomet::webnode::worker {

/// Reads the files, and checks that each has keys.
/// @return all of them as one word, for keys_of().
/// Errors: a file cannot be read, has no key, or has a secret that others may read; there are too
/// many keys, or too many bytes. One sentence that names the file.
[[nodiscard]] Result<std::string> read_token_keys(const std::vector<std::string>& files);

/// @param word  of read_token_keys(); empty: no keys.
[[nodiscard]] std::vector<auth::Key> keys_of(const std::string& word);

} // namespace zcomet::webnode::worker
