// Flat storage for very many small records, in fixed chunks, addressed by a 32-bit index. Unlike
// std::vector it copies nothing to grow, so addresses stay and there is no slack from doubling.
// Unlike a node on the heap, a record costs its size and no more.
#pragma once

#include "topology/base/check.hpp"
#include "topology/store/chunk_memory.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace zcomet::store {

/// "No record": an index that no slab hands out.
inline constexpr std::uint32_t kNoIndex = UINT32_MAX;

/// About the bytes of one chunk. It is so small that a nearly empty table costs nothing, and so
/// large that a table of ten million records has only thousands of chunks.
inline constexpr std::size_t kChunkBytes = 65'536;

/// Values of a trivial type, one for each index of a slab or of an IdTable, for what another part
/// remembers of each record.
/// Thread:  one at a time.   Cost: sizeof(T) for each index up to the highest used.
template <typename T> class ChunkedArray {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    static constexpr std::uint32_t kPerChunk =
        static_cast<std::uint32_t>(std::bit_floor(kChunkBytes / sizeof(T)));

    /// Makes every index below `count` valid; new values are `fill`. Never shrinks.
    void grow(std::uint32_t count, const T& fill) {
        while (chunks_.size() * kPerChunk < count) {
            Chunk<T> chunk = make_chunk<T>(kPerChunk);
            std::uninitialized_fill_n(chunk.get(), kPerChunk, fill);
            chunks_.push_back(std::move(chunk));
        }
    }
    void clear() {
        chunks_.clear();
        chunks_.shrink_to_fit();
    }
    /// `index` must have been made valid by grow().
    [[nodiscard]] T& operator[](std::uint32_t index) {
        return chunks_[index / kPerChunk].get()[index % kPerChunk];
    }
    [[nodiscard]] const T& operator[](std::uint32_t index) const {
        return chunks_[index / kPerChunk].get()[index % kPerChunk];
    }
    [[nodiscard]] std::size_t memory_bytes() const {
        return chunks_.size() * kPerChunk * sizeof(T) + chunks_.capacity() * sizeof(void*);
    }

  private:
    std::vector<Chunk<T>> chunks_;
};

/// How a slab gives its memory back when its last record is released.
enum class WhenEmpty : std::uint8_t {
    kGiveBackAtOnce,
    /// The owner calls give_back() in its turns: a million records take the system 10 ms.
    kGiveBackInSlices,
};

/// Records of type T, each named by an index. Indices are dense from 0. The index of a released
/// record is handed out again, the last released first. Addresses of records stay until release.
/// Chunks stay for reuse; when the last record is released, all chunks but one go back to the
/// system, as WhenEmpty says.
/// Thread:  one at a time.   Cost: sizeof(T) (4 at least) a record; O(1) each call.
template <typename T> class Slab {
  public:
    explicit Slab(WhenEmpty when_empty = WhenEmpty::kGiveBackAtOnce) : when_empty_(when_empty) {}
    ~Slab() { clear(); }
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    /// @return the index of a new record, made from `arguments`.
    template <typename... Arguments> [[nodiscard]] std::uint32_t add(Arguments&&... arguments) {
        const bool reuse = first_free_ != kNoIndex;
        const std::uint32_t index = reuse ? first_free_ : fresh_index();
        Slot& slot = slot_at(index);
        const std::uint32_t next_free = reuse ? slot.next_free : kNoIndex;
        ::new (static_cast<void*>(&slot.record)) T(std::forward<Arguments>(arguments)...);
        if (reuse) {
            first_free_ = next_free;
        } else {
            ++index_bound_;
        }
        ++size_;
        return index;
    }

    /// Destroys the record; its index may be handed out again at once.
    void release(std::uint32_t index) {
        ZCOMET_ASSERT(index < index_bound_);
        Slot& slot = slot_at(index);
        slot.record.~T();
        --size_;
        if (size_ == 0) {
            empty(1);
            return;
        }
        slot.next_free = first_free_;
        first_free_ = index;
    }

    /// `index` must be that of a record which was not released.
    [[nodiscard]] T& operator[](std::uint32_t index) { return slot_at(index).record; }
    [[nodiscard]] const T& operator[](std::uint32_t index) const { return slot_at(index).record; }

    /// Whether give_back() has anything to do.
    [[nodiscard]] bool has_to_give_back() const { return !leaving_.empty(); }
    /// Gives up to `chunks_max` chunks back to the system.   Cost: some 15 µs for each.
    void give_back(std::size_t chunks_max) {
        leaving_.resize(leaving_.size() - std::min(leaving_.size(), chunks_max));
        if (leaving_.empty()) {
            leaving_.shrink_to_fit();
        }
    }

    /// How many records there are.
    [[nodiscard]] std::uint32_t size() const { return size_; }
    /// Every index in use is below this.
    [[nodiscard]] std::uint32_t index_bound() const { return index_bound_; }
    [[nodiscard]] std::size_t memory_bytes() const {
        return (chunks_.size() + leaving_.size()) * kPerChunk * sizeof(Slot) +
               (chunks_.capacity() + leaving_.capacity()) * sizeof(void*);
    }

    /// Destroys all records.
    void clear() {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            std::vector<bool> is_free(index_bound_, false);
            for (std::uint32_t i = first_free_; i != kNoIndex; i = slot_at(i).next_free) {
                is_free[i] = true;
            }
            for (std::uint32_t i = 0; i < index_bound_; ++i) {
                if (!is_free[i]) {
                    slot_at(i).record.~T();
                }
            }
        }
        size_ = 0;
        empty(0);
        leaving_.clear();
    }

  private:
    /// A record, or, while it is free, a link of the free list.
    union Slot {
        Slot() {}
        ~Slot() {}
        T record;
        std::uint32_t next_free;
    };
    static constexpr std::uint32_t kPerChunk =
        static_cast<std::uint32_t>(std::bit_floor(kChunkBytes / sizeof(Slot)));
    static_assert(kPerChunk >= 1, "a record must fit into a chunk");

    [[nodiscard]] Slot& slot_at(std::uint32_t index) {
        return chunks_[index / kPerChunk].get()[index % kPerChunk];
    }
    [[nodiscard]] const Slot& slot_at(std::uint32_t index) const {
        return chunks_[index / kPerChunk].get()[index % kPerChunk];
    }
    [[nodiscard]] std::uint32_t fresh_index() {
        ZCOMET_ASSERT(index_bound_ < kNoIndex);
        if (index_bound_ == chunks_.size() * kPerChunk) {
            if (leaving_.empty()) {
                chunks_.push_back(make_chunk<Slot>(kPerChunk));
            } else {
                chunks_.push_back(std::move(leaving_.back()));
                leaving_.pop_back();
            }
        }
        return index_bound_;
    }
    /// There is no record any more. All chunks but `but` go.
    void empty(std::size_t but) {
        if (when_empty_ == WhenEmpty::kGiveBackInSlices && leaving_.empty()) {
            leaving_.swap(chunks_);
            for (; but > 0 && !leaving_.empty(); --but) {
                chunks_.push_back(std::move(leaving_.back()));
                leaving_.pop_back();
            }
        } else {
            chunks_.resize(std::min(chunks_.size(), but));
            chunks_.shrink_to_fit();
        }
        first_free_ = kNoIndex;
        index_bound_ = 0;
    }

    WhenEmpty when_empty_;
    std::vector<Chunk<Slot>> chunks_;  // resident only as far as they were used
    std::vector<Chunk<Slot>> leaving_; // on their way back to the system
    std::uint32_t first_free_ = kNoIndex;
    std::uint32_t index_bound_ = 0;
    std::uint32_t size_ = 0;
};

} // namespace zcomet::store
