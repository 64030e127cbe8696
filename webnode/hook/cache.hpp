// Answers of a hook that may be used again.
#pragma once

#include "topology/base/time.hpp"
#include "webnode/hook/answer.hpp"
#include "webnode/hook/subrequest.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <list>
#include <memory>

namespace zcomet::webnode::hook {

/// Thread: the worker's loop only.
class Cache {
  public:
    /// @limit answers of a hook that a worker remembers
    static constexpr std::size_t kEntriesMax = 100'000;
    /// An answer of the greatest length takes 20,000 bytes. The usual one takes 150, with the
    /// table's part.
    /// @limit bytes of the answers of a hook that a worker remembers
    static constexpr std::size_t kBytesMax = 32U << 20U;

    explicit Cache(std::size_t entries_max = kEntriesMax, std::size_t bytes_max = kBytesMax)
        : entries_max_(entries_max), bytes_max_(bytes_max) {}

    /// Remembers it for its max_age, if that is not 0. The oldest go to make room.
    void add(const CacheKey& key, std::shared_ptr<const Decision> decision, Time now);
    /// @return nullptr: there is none, or its time is over.
    [[nodiscard]] std::shared_ptr<const Decision> find(const CacheKey& key, Time now);
    void clear();

    [[nodiscard]] std::size_t size() const { return by_age_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    struct Entry {
        CacheKey key{};
        Time until = kNever;
        std::shared_ptr<const Decision> decision;
    };
    using Entries = std::list<Entry>;

    [[nodiscard]] static std::size_t bytes_of(const Entry& entry);
    void erase(Entries::iterator entry);

    std::size_t entries_max_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    Entries by_age_; // the oldest first
    absl::flat_hash_map<CacheKey, Entries::iterator> by_key_;
};

} // namespace zcomet::webnode::hook
