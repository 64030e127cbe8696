// A broker's directory of keys:
//
//     self.key             the broker's own pair
//     allowed/NAME.pub     those who may come
//     revoked/NAME.pub     those who may no longer
//
// Everything in it is a key file. A file is put in its place whole, so that a broker that looks at
// the same time finds all of it or nothing.
#pragma once

#include "topology/base/result.hpp"
#include "topology/keys/key_file.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace zcomet::keys {

/// @limit keys that a broker allows
inline constexpr std::size_t kAllowedMax = 10'000;

/// What is in a directory.
struct Directory {
    KeyFile self;                 ///< with its secret
    std::vector<KeyFile> allowed; ///< by name; no two have one public key, none is revoked
    std::vector<KeyFile> revoked; ///< by name
    /// Files that are not as they should be, a sentence each. Their keys are not allowed.
    std::vector<std::string> problems;
};

/// Thread: any; reads files.
/// Errors: there is no such directory, or no usable key of the broker in it; too many keys.
[[nodiscard]] Result<Directory> read_directory(const std::string& path);

/// Makes a directory for a broker with that key.
/// Errors: it has one already; it cannot be made.
[[nodiscard]] Status init_directory(const std::string& path, const KeyFile& self);

/// Lets a peer in: what others may know of its key is put into the directory.
/// @param replaces  whether the name may be that of a revoked key.
/// Errors: the name is taken, or was revoked; files cannot be written.
[[nodiscard]] Status allow(const std::string& path, const KeyFile& key, bool replaces);

/// Errors: no such key is allowed; files cannot be written.
[[nodiscard]] Status revoke(const std::string& path, const std::string& name);

/// Writes a key file that has a secret, for its owner alone.
/// Errors: there is a file of that name; it cannot be written.
[[nodiscard]] Status write_secret_file(const std::string& path, const KeyFile& key);

/// The folders that a change of the keys changes.
[[nodiscard]] std::vector<std::string> folders_of(const std::string& path);

} // namespace zcomet::keys
