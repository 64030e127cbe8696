// The keys that a broker knows, and what each of them may do. It forgets none while it lives: a key
// that was revoked is still known, and may nothing.
#pragma once

#include "topology/history/patterns.hpp"
#include "topology/keys/key_file.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::keys {

/// One key, and its place in the ring.
struct KnownKey {
    std::size_t index = 0;
    std::string name;
    std::string public_key;
    Roles roles;           ///< none: it was revoked
    history::Patterns ids; ///< what it may send to; empty: every id

    [[nodiscard]] bool may(Role role) const { return roles.has(role); }
    [[nodiscard]] bool is_revoked() const { return roles.empty(); }
    /// Whether the key may send at all is another question.
    [[nodiscard]] bool may_send_to(std::string_view id) const {
        return ids.empty() || ids.match(id);
    }
};

/// Thread: one.   Memory: some hundred bytes for each key that was ever allowed, revoked ones
/// included, since peers and topics refer to them. Only who may write into the directory can add
/// one.
class KeyRing {
  public:
    /// What take() has found.
    struct Changes {
        std::vector<std::string> added;
        std::vector<std::string> revoked;
        std::vector<std::string> changed; ///< roles, ids or name
        [[nodiscard]] bool empty() const {
            return added.empty() && revoked.empty() && changed.empty();
        }
    };

    /// From now on these keys are allowed, and no others. No two have one public key.
    Changes take(const std::vector<KeyFile>& allowed);

    /// @return the key, if it is allowed; else nullptr. It stays where it is.
    [[nodiscard]] const KnownKey* find(std::string_view public_key) const;
    /// @param index  KnownKey::index of one; any other number gives nullptr.
    [[nodiscard]] const KnownKey* at(std::size_t index) const {
        return index < keys_.size() ? keys_[index].get() : nullptr;
    }
    /// How many are allowed.
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    std::vector<std::unique_ptr<KnownKey>> keys_;
    absl::flat_hash_map<std::string, KnownKey*> by_public_key_;
    std::size_t size_ = 0;
};

} // namespace zcomet::keys
