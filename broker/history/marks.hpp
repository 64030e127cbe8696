// Every 32nd message of a long list, so that a place in the middle is found without a walk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace zcomet::broker::history {

/// Of a list that grows at its end and loses its first messages. Its messages are numbered from 0.
/// @tparam Block  a message in the list; has a `position`, which rises.
/// Memory: at most a byte a message.
template <typename Block> class Marks {
  public:
    static constexpr std::uint32_t kEach = 32;

    /// The list had `place` messages, and got this one.
    void on_added(Block* block, std::uint32_t place) {
        if (place == first_place_ + kEach * size()) {
            blocks_.push_back(block);
        }
    }
    /// Its first message goes.
    void on_first_dropped() {
        if (first_place_ > 0) {
            --first_place_;
            return;
        }
        first_place_ = kEach - 1;
        if (++gone_ > blocks_.size() / 2) {
            blocks_ = std::vector<Block*>(live_begin(), blocks_.cend());
            gone_ = 0;
        }
    }

    /// A message near a place, and how many messages further the place is.
    struct Near {
        Block* block; ///< nullptr: the first of the list
        std::uint32_t further;
    };
    /// Near the message of that number.
    [[nodiscard]] Near near_place(std::uint32_t place) const {
        const std::uint32_t marks =
            place < first_place_ ? 0 : std::min((place - first_place_) / kEach + 1, size());
        if (marks == 0) {
            return {nullptr, place};
        }
        return {live_begin()[marks - 1], place - first_place_ - (marks - 1) * kEach};
    }
    /// The last mark at or before that position; nullptr: there is none.
    [[nodiscard]] Block* at_or_before(std::uint64_t position) const {
        const auto after =
            std::partition_point(live_begin(), blocks_.end(), [position](const Block* block) {
                return block->position <= position;
            });
        return after == live_begin() ? nullptr : *(after - 1);
    }

    /// Bytes on the heap, without what the allocator adds.
    [[nodiscard]] std::size_t heap_bytes() const { return blocks_.capacity() * sizeof(Block*); }

  private:
    [[nodiscard]] std::uint32_t size() const {
        return static_cast<std::uint32_t>(blocks_.size() - gone_);
    }
    [[nodiscard]] auto live_begin() const {
        return blocks_.begin() + static_cast<std::ptrdiff_t>(gone_);
    }

    std::vector<Block*> blocks_; // the first `gone_` are not in the list any more
    std::size_t gone_ = 0;
    std::uint32_t first_place_ = kEach; // of the first mark, or of the one that comes next
};

} // namespace zcomet::broker::history
