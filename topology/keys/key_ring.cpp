#include "topology/keys/key_ring.hpp"

#include <absl/container/flat_hash_set.h>

#include <utility>

namespace zcomet::keys {

KeyRing::Changes KeyRing::take(const std::vector<KeyFile>& allowed) {
    Changes changes;
    absl::flat_hash_set<const KnownKey*> taken;
    for (const KeyFile& file : allowed) {
        KnownKey*& known = by_public_key_[file.public_key];
        if (known == nullptr) {
            keys_.push_back(std::make_unique<KnownKey>());
            known = keys_.back().get();
            known->index = keys_.size() - 1;
            known->public_key = file.public_key;
        }
        const bool is_new = known->is_revoked();
        history::Patterns ids(file.ids);
        if (is_new) {
            changes.added.push_back(file.name);
        } else if (known->name != file.name || known->roles != file.roles ||
                   known->ids.text() != ids.text()) {
            changes.changed.push_back(file.name);
        }
        known->name = file.name;
        known->roles = file.roles;
        known->ids = std::move(ids);
        taken.insert(known);
    }
    for (const auto& known : keys_) {
        if (!known->is_revoked() && !taken.contains(known.get())) {
            changes.revoked.push_back(known->name);
            known->roles = Roles();
        }
    }
    size_ = taken.size();
    return changes;
}

const KnownKey* KeyRing::find(std::string_view public_key) const {
    const auto found = by_public_key_.find(std::string(public_key));
    return found == by_public_key_.end() || found->second->is_revoked() ? nullptr : found->second;
}

} // namespace zcomet::keys
