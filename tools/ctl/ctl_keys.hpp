// zcomet-ctl keys: a broker's directory of keys, and the key files of its peers. Asks no broker:
// the one that uses the directory notices by itself.
#pragma once

#include "topology/keys/key_file.hpp"

#include <string>
#include <vector>

namespace zcomet::tools::ctl {

struct KeysOptions {
    std::string directory;
    std::string name; ///< of a key; for init() empty: the name of this host
    keys::Roles roles;
    std::vector<std::string> ids; ///< patterns
    std::string out;              ///< where the bundle goes; empty: NAME.key
    bool replaces = false;
    bool json = false;
};

/// Each prints what it did.
/// Errors: each throws std::runtime_error with one sentence.
void keys_init(const KeysOptions& options);
void keys_new(const KeysOptions& options);
void keys_list(const KeysOptions& options);
void keys_revoke(const KeysOptions& options);

} // namespace zcomet::tools::ctl
