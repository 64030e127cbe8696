// Messages kept in the broker's memory, which live as long as the broker.
//
// Each message is a block of its own on the heap, at most 48 bytes larger than the message, in the
// list of its id; a long list has marks, so that no question walks all of it. For each rule, its
// ids are kept by the second of their oldest message: so the oldest message of all, and those that
// are too old, are found at once.
#pragma once

#include "broker/history/history_store.hpp"
#include "broker/history/marks.hpp"
#include "broker/history/rules.hpp"
#include "topology/store/id_table.hpp"
#include "topology/store/slab.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace zcomet::broker::history {

class MemoryStore final : public HistoryStore {
  public:
    /// @param rules  lives longer than this.
    /// @param epoch  random, not 0.
    MemoryStore(const Rules& rules, std::uint64_t bytes_max, std::uint64_t epoch);
    ~MemoryStore() override;

    [[nodiscard]] std::uint64_t epoch() const override { return epoch_; }
    /// Cost: a hash, and a block on the heap.
    [[nodiscard]] bool keep(std::size_t rule, const wire::Message& message,
                            std::uint64_t position) override;
    [[nodiscard]] std::uint64_t complete_since(std::size_t rule,
                                               std::string_view id) const override;
    [[nodiscard]] std::uint64_t before_newest(std::string_view id,
                                              std::uint32_t most) const override;
    std::uint64_t read(const wire::IdList& ids, std::uint64_t after,
                       const Visit& visit) const override;
    void set_bytes_max(std::uint64_t bytes) override { bytes_max_ = bytes; }
    bool expire(std::uint64_t now_ms, std::size_t most) override;

    [[nodiscard]] std::uint64_t messages() const override { return messages_; }
    [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }
    [[nodiscard]] std::uint64_t evicted() const override { return evicted_; }

  private:
    struct Block;
    using BlockMarks = Marks<Block>;
    /// The messages of one id.
    struct Ring {
        Block* first = nullptr; // the oldest
        Block* last = nullptr;
        BlockMarks* marks = nullptr; // owned; nullptr: the list is short
        std::uint64_t complete_since = 0;
        std::uint32_t count = 0;
        std::uint32_t rule = 0;
        store::IdIndex next = store::kNoIndex; // of the same rule, with an oldest message as old
        store::IdIndex previous = store::kNoIndex;
    };
    /// The ids of a rule by the age of their oldest message, in steps of about a second.
    using ByAge = std::map<std::uint64_t, store::IdIndex>;

    [[nodiscard]] static const Block* near(const Ring& ring, std::uint64_t after);
    void mark(Ring& ring);
    void unmark_first(Ring& ring);
    void link(store::IdIndex id);
    void unlink(store::IdIndex id);
    void drop_first(store::IdIndex id);
    void evict_oldest();

    const Rules& rules_;
    std::uint64_t bytes_max_;
    std::uint64_t epoch_;
    store::IdTable ids_{store::WhenEmpty::kGiveBackInSlices};
    store::ChunkedArray<Ring> rings_; // by IdIndex
    std::vector<ByAge> by_age_;       // by rule
    /// Of ids that have no message any more: by rule, the newest that they had.
    std::vector<std::uint64_t> forgotten_through_;
    std::uint64_t messages_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t evicted_ = 0;
};

} // namespace zcomet::broker::history
