#include "webnode/hook/cache.hpp"

#include <utility>

namespace zcomet::webnode::hook {

namespace {

/// Of the list's node, the table's place, and what the heap adds.
constexpr std::size_t kOverheadBytes = 80;

} // namespace

std::size_t Cache::bytes_of(const Entry& entry) {
    return sizeof entry + kOverheadBytes + sizeof(Decision) + entry.decision->bytes();
}

void Cache::erase(Entries::iterator entry) {
    bytes_ -= bytes_of(*entry);
    by_key_.erase(entry->key);
    by_age_.erase(entry);
}

void Cache::add(const CacheKey& key, std::shared_ptr<const Decision> decision, Time now) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
        erase(found->second);
    }
    if (decision->max_age <= std::chrono::seconds::zero()) {
        return;
    }
    const Time until = now + decision->max_age;
    by_age_.push_back({key, until, std::move(decision)});
    bytes_ += bytes_of(by_age_.back());
    by_key_.emplace(key, std::prev(by_age_.end()));
    while (by_age_.size() > entries_max_ || (bytes_ > bytes_max_ && by_age_.size() > 1)) {
        erase(by_age_.begin());
    }
}

std::shared_ptr<const Decision> Cache::find(const CacheKey& key, Time now) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) {
        return nullptr;
    }
    if (found->second->until <= now) {
        erase(found->second);
        return nullptr;
    }
    return found->second->decision;
}

void Cache::clear() {
    by_key_.clear();
    by_age_.clear();
    bytes_ = 0;
}

} // namespace zcomet::webnode::hook
