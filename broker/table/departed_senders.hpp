// What a broker took in of senders that are gone. One that was only cut off comes back, and repeats
// what it has no answer to.
#pragma once

#include "broker/table/number_gaps.hpp"
#include "topology/keys/key_ring.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace zcomet::broker::table {

/// Thread: one at a time.   Memory: some 60 bytes for each.
class DepartedSenders {
  public:
    /// Above that the oldest is forgotten: if it comes back, the broker does not know it.
    /// @limit departed senders of whose messages a broker remembers which it took in
    static constexpr std::size_t kRemembered = 16'384;

    struct TakenIn {
        std::uint64_t highest = 0; ///< number; 0: none was taken in
        NumberGaps gaps{};
        const keys::KnownKey* key = nullptr; ///< by which the sender had joined
    };

    void add(std::uint64_t incarnation, TakenIn taken_in) {
        if (taken_in.highest == 0) {
            return;
        }
        if (order_.size() == kRemembered) {
            taken_in_.erase(order_.front());
            order_.pop_front();
        }
        order_.push_back(incarnation);
        taken_in_[incarnation] = std::move(taken_in);
    }

    /// @return the key that the sender had; nullptr: none, or nothing is remembered of it.
    [[nodiscard]] const keys::KnownKey* owner_of(std::uint64_t incarnation) const {
        const auto known = taken_in_.find(incarnation);
        return known == taken_in_.end() ? nullptr : known->second.key;
    }

    /// The sender comes back.   @return what was remembered of it.
    [[nodiscard]] TakenIn take(std::uint64_t incarnation) {
        const auto known = taken_in_.find(incarnation);
        if (known == taken_in_.end()) {
            return {};
        }
        TakenIn taken_in = std::move(known->second);
        taken_in_.erase(known);
        std::erase(order_, incarnation);
        return taken_in;
    }

  private:
    std::deque<std::uint64_t> order_; // the oldest first
    absl::flat_hash_map<std::uint64_t, TakenIn> taken_in_;
};

} // namespace zcomet::broker::table
