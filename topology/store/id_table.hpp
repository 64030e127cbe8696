// Interned ids. Each distinct id gets a small number, and costs its text, a few bytes of record and
// a slot of an open-addressing table. The broker and each worker of a web node have one.
//
// An id of up to 23 bytes costs a record of 24 bytes, and 5 bytes for each slot of a table that is
// 7/16 to 7/8 full: 30 to 36 bytes together. A longer id also costs its text on the heap.
#pragma once

#include "topology/store/slab.hpp"

#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::store {

/// Index of an interned id, dense from 0. The index of a forgotten id is used again.
using IdIndex = std::uint32_t;

/// The text of one id. A short one, as most are, is in place, and a longer one on the heap.
class IdText {
  public:
    static constexpr std::size_t kInlineBytesMax = 23;

    /// `text` has at most 255 bytes; copied.
    explicit IdText(std::string_view text);
    ~IdText();
    IdText(const IdText&) = delete;
    IdText& operator=(const IdText&) = delete;

    [[nodiscard]] std::string_view view() const;
    /// Bytes on the heap, without the allocator's own.
    [[nodiscard]] std::size_t heap_bytes() const { return length_ > kInlineBytesMax ? length_ : 0; }

  private:
    [[nodiscard]] char* heap_text() const;

    std::uint8_t length_;
    std::array<char, kInlineBytesMax> bytes_; // the text, or the address of the text
};
static_assert(sizeof(IdText) == 24);

/// The set of ids that are in use, with a number for each.
/// Thread:  one at a time.   Errors: none; memory that runs out ends the process.
class IdTable {
  public:
    struct Interned {
        IdIndex index = 0;
        bool is_new = false;
    };

    explicit IdTable(WhenEmpty when_empty = WhenEmpty::kGiveBackAtOnce);
    IdTable(const IdTable&) = delete;
    IdTable& operator=(const IdTable&) = delete;

    /// @return the index of `id`, which is added if it is not in the table.
    /// @param id  at most 255 bytes; copied. That it is valid (topology/wire/id.hpp) is the
    /// caller's
    ///            business.
    /// Cost:  one or two hashes of the id; growth rehashes a 64th of a small table at a time, and a
    ///        4,096th of a large one, so that a table of millions does not stop its loop for a
    ///        second.
    Interned intern(std::string_view id);

    /// @return absent if `id` is not in the table.   Cost: one hash, no allocation.
    [[nodiscard]] std::optional<IdIndex> find(std::string_view id) const;

    /// The text of the id; it stays where it is until release(index).
    [[nodiscard]] std::string_view name(IdIndex index) const { return texts_[index].view(); }

    /// Forgets an id. Its index may be handed out again by the next intern().
    void release(IdIndex index);

    /// As of a Slab.
    [[nodiscard]] bool has_to_give_back() const { return texts_.has_to_give_back(); }
    void give_back(std::size_t chunks_max) { texts_.give_back(chunks_max); }

    [[nodiscard]] std::uint32_t size() const { return texts_.size(); }
    /// Every index in use is below this. A ChunkedArray of values by id has this size.
    [[nodiscard]] std::uint32_t index_bound() const { return texts_.index_bound(); }
    /// Bytes taken, without what the allocator adds.
    [[nodiscard]] std::size_t memory_bytes() const;

  private:
    using Texts = Slab<IdText>;
    struct Hash {
        using is_transparent = void;
        const Texts* texts;
        std::size_t operator()(std::string_view id) const {
            return absl::Hash<std::string_view>{}(id);
        }
        std::size_t operator()(IdIndex index) const { return (*this)((*texts)[index].view()); }
    };
    struct Equal {
        using is_transparent = void;
        const Texts* texts;
        bool operator()(IdIndex a, IdIndex b) const { return a == b; }
        bool operator()(IdIndex a, std::string_view b) const { return (*texts)[a].view() == b; }
        bool operator()(std::string_view a, IdIndex b) const { return a == (*texts)[b].view(); }
    };
    using Set = absl::flat_hash_set<IdIndex, Hash, Equal>;
    static constexpr unsigned kShardBits = 6;
    static constexpr std::size_t kShards = std::size_t{1} << kShardBits;
    /// A shard that is about to grow beyond this many ids is split into parts, which grow one by
    /// one. A small table has no parts: their records alone take 160 kB. They are so many because
    /// several may grow for the ids of one frame: of 50 million ids a part takes 2 ms.
    static constexpr std::size_t kShardSizeMax = 1792; // 7/8 of 2,048 slots
    static constexpr unsigned kPartBits = 6;

    /// The top bits choose the shard, since the table inside uses the low ones. Each shard gets a
    /// little more than the one before it, and the last one nearly twice as much as the first. So
    /// no two grow at the same size of the table; with equal shares all would grow within a few
    /// thousand ids, which took 35 to 90 ms.
    [[nodiscard]] static std::size_t shard_of(std::size_t hash) {
        return kShardOf[hash >> (sizeof(hash) * 8 - kSliceBits)];
    }
    static constexpr unsigned kSliceBits = 12;
    using ShardOf = std::array<std::uint8_t, std::size_t{1} << kSliceBits>;
    /// The shard of each 4096th of all hashes: shard number i begins at 2^(i/64) - 1 of them.
    static constexpr ShardOf share_out() {
        constexpr double kStep = 1.0108892860517005; // 2^(1/64)
        ShardOf shard_of{};
        double begin_of_next = kStep;
        std::uint8_t shard = 0;
        for (std::size_t slice = 0; slice < shard_of.size(); ++slice) {
            const double at = 1 + static_cast<double>(slice) / static_cast<double>(shard_of.size());
            if (at >= begin_of_next) {
                ++shard;
                begin_of_next *= kStep;
            }
            shard_of[slice] = shard;
        }
        return shard_of;
    }
    static const ShardOf kShardOf;

    /// The bits below those that choose the shard.
    [[nodiscard]] static std::size_t part_of(std::size_t hash) {
        return (hash >> (sizeof(hash) * 8 - kSliceBits - kPartBits)) & ((1U << kPartBits) - 1);
    }
    [[nodiscard]] bool is_split(std::size_t shard) const { return ((split_ >> shard) & 1U) != 0; }
    /// The set that has the id with this hash, or would have it.
    [[nodiscard]] const Set& set_of(std::size_t hash) const {
        const std::size_t shard = shard_of(hash);
        return is_split(shard) ? parts_[(shard << kPartBits) + part_of(hash)] : shards_[shard];
    }
    [[nodiscard]] Set& set_of(std::size_t hash) {
        return const_cast<Set&>(std::as_const(*this).set_of(hash));
    }
    [[nodiscard]] Set empty_set() const { return Set(0, Hash{&texts_}, Equal{&texts_}); }
    void insert(Set& set, IdIndex index);
    void split(std::size_t shard);

    Texts texts_;
    std::array<Set, kShards> shards_;
    std::vector<Set> parts_;  // of all shards, in order; empty: none is split
    std::uint64_t split_ = 0; // a bit for each shard
    std::size_t slots_ = 0;   // of all sets
    std::size_t heap_bytes_ = 0;
};

} // namespace zcomet::store
