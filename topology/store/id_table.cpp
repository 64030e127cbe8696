#include "topology/store/id_table.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace zcomet::store {

IdText::IdText(std::string_view text) : length_(static_cast<std::uint8_t>(text.size())) {
    ZCOMET_ASSERT(text.size() <= UINT8_MAX);
    if (text.size() <= kInlineBytesMax) {
        std::copy(text.begin(), text.end(), bytes_.begin());
        return;
    }
    char* const heap = new char[text.size()];
    std::copy(text.begin(), text.end(), heap);
    std::memcpy(bytes_.data(), &heap, sizeof(heap));
}

IdText::~IdText() {
    if (length_ > kInlineBytesMax) {
        delete[] heap_text();
    }
}

char* IdText::heap_text() const {
    char* heap = nullptr;
    std::memcpy(&heap, bytes_.data(), sizeof(heap));
    return heap;
}

std::string_view IdText::view() const {
    return {length_ > kInlineBytesMax ? heap_text() : bytes_.data(), length_};
}

namespace {

/// An emptied shard keeps a table of this many slots, and an emptied part one. So a few ids
/// that come and go cause no allocations.
constexpr std::size_t kShardCapacityKept = 127;
constexpr std::size_t kPartCapacityKept = 1;

template <typename Set, typename Hash, typename Equal, std::size_t... I>
std::array<Set, sizeof...(I)> make_shards(const Hash& hash, const Equal& equal,
                                          std::index_sequence<I...> /*numbers*/) {
    return {((void)I, Set(0, hash, equal))...};
}

} // namespace

constexpr IdTable::ShardOf IdTable::kShardOf = IdTable::share_out();

IdTable::IdTable(WhenEmpty when_empty)
    : texts_(when_empty), shards_(make_shards<Set>(Hash{&texts_}, Equal{&texts_},
                                                   std::make_index_sequence<kShards>{})) {}

IdTable::Interned IdTable::intern(std::string_view id) {
    const std::size_t hash = Hash{&texts_}(id);
    const Set& set = set_of(hash);
    if (const auto found = set.find(id, hash); found != set.end()) {
        return {*found, false};
    }
    const std::size_t shard = shard_of(hash);
    if (!is_split(shard) && set.size() >= kShardSizeMax) {
        split(shard);
    }
    const IdIndex index = texts_.add(id);
    insert(set_of(hash), index);
    heap_bytes_ += texts_[index].heap_bytes();
    return {index, true};
}

void IdTable::insert(Set& set, IdIndex index) {
    const std::size_t before = set.capacity();
    set.insert(index);
    slots_ += set.capacity() - before;
}

void IdTable::split(std::size_t shard) {
    if (parts_.empty()) {
        parts_.assign(kShards << kPartBits, empty_set());
    }
    Set whole = std::exchange(shards_[shard], empty_set());
    slots_ -= whole.capacity();
    split_ |= std::uint64_t{1} << shard;
    for (const IdIndex index : whole) {
        insert(set_of(Hash{&texts_}(index)), index);
    }
}

std::optional<IdIndex> IdTable::find(std::string_view id) const {
    const std::size_t hash = Hash{&texts_}(id);
    const Set& set = set_of(hash);
    const auto found = set.find(id, hash);
    return found == set.end() ? std::nullopt : std::optional<IdIndex>(*found);
}

void IdTable::release(IdIndex index) {
    const std::size_t hash = Hash{&texts_}(index);
    Set& set = set_of(hash);
    const std::size_t before = set.capacity();
    const std::size_t erased = set.erase(index);
    ZCOMET_ASSERT(erased == 1);
    heap_bytes_ -= texts_[index].heap_bytes();
    texts_.release(index);
    const std::size_t kept = is_split(shard_of(hash)) ? kPartCapacityKept : kShardCapacityKept;
    if (set.empty() && set.capacity() > kept) {
        empty_set().swap(set);
    }
    slots_ -= before - set.capacity();
}

std::size_t IdTable::memory_bytes() const {
    return sizeof(*this) + texts_.memory_bytes() + heap_bytes_ + parts_.capacity() * sizeof(Set) +
           slots_ * (sizeof(IdIndex) + 1);
}

} // namespace zcomet::store
