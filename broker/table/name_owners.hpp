// Whose the names of nodes are, where peers have keys: a name belongs to the key that said it
// first, also while no node has it, so that nobody takes it while its node starts anew.
#pragma once

#include "topology/keys/key_ring.hpp"
#include "topology/store/text_map.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace zcomet::broker::table {

/// Thread: one at a time.
class NameOwners {
  public:
    /// Above that the key's oldest name is free again.
    /// @limit names of nodes that a broker remembers for each key
    static constexpr std::size_t kNamesPerKey = 1024;

    /// @return nullptr if the name is free: nobody has said it, or its key was revoked.
    [[nodiscard]] const keys::KnownKey* find(std::string_view name) const {
        const auto found = owners_.find(name);
        return found == owners_.end() || found->second->is_revoked() ? nullptr : found->second;
    }

    /// The name is free, or the key's own.
    void note(std::string_view name, const keys::KnownKey& key) {
        const keys::KnownKey*& owner = owners_[std::string(name)];
        if (owner == &key) {
            return;
        }
        owner = &key;
        std::deque<std::string>& names = names_[key.index];
        names.emplace_back(name);
        if (names.size() > kNamesPerKey) {
            const auto oldest = owners_.find(names.front());
            if (oldest != owners_.end() && oldest->second == &key) {
                owners_.erase(oldest);
            }
            names.pop_front();
        }
    }

  private:
    store::TextMap<const keys::KnownKey*> owners_;
    absl::flat_hash_map<std::size_t, std::deque<std::string>> names_; // by key, the oldest first
};

} // namespace zcomet::broker::table
