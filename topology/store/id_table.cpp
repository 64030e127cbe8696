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

/// An emptied shard keeps a table of this many slots. So a few ids that come and go cause no
/// allocations.
constexpr std::size_t kShardCapacityKept = 127;

template <typename Shard, typename Hash, typename Equal, std::size_t... I>
std::array<Shard, sizeof...(I)> make_shards(const Hash& hash, const Equal& equal,
                                            std::index_sequence<I...> /*numbers*/) {
    return {((void)I, Shard(0, hash, equal))...};
}

} // namespace

constexpr IdTable::ShardOf IdTable::kShardOf = IdTable::share_out();

IdTable::IdTable(WhenEmpty when_empty)
    : texts_(when_empty),
      shards_(make_shards<Shard>(Hash{&texts_}, Equal{&texts_},
                                 std::make_index_sequence<(std::size_t{1} << kShardBits)>{})) {}

IdTable::Interned IdTable::intern(std::string_view id) {
    const std::size_t hash = Hash{&texts_}(id);
    Shard& shard = shards_[shard_of(hash)];
    if (const auto found = shard.find(id, hash); found != shard.end()) {
        return {*found, false};
    }
    const IdIndex index = texts_.add(id);
    shard.insert(index);
    heap_bytes_ += texts_[index].heap_bytes();
    return {index, true};
}

std::optional<IdIndex> IdTable::find(std::string_view id) const {
    const std::size_t hash = Hash{&texts_}(id);
    const Shard& shard = shards_[shard_of(hash)];
    const auto found = shard.find(id, hash);
    return found == shard.end() ? std::nullopt : std::optional<IdIndex>(*found);
}

void IdTable::release(IdIndex index) {
    Shard& shard = shards_[shard_of(Hash{&texts_}(index))];
    const std::size_t erased = shard.erase(index);
    ZCOMET_ASSERT(erased == 1);
    heap_bytes_ -= texts_[index].heap_bytes();
    texts_.release(index);
    if (shard.empty() && shard.capacity() > kShardCapacityKept) {
        Shard(0, shard.hash_function(), shard.key_eq()).swap(shard);
    }
}

std::size_t IdTable::memory_bytes() const {
    std::size_t bytes = sizeof(*this) + texts_.memory_bytes() + heap_bytes_;
    for (const Shard& shard : shards_) {
        bytes += shard.capacity() * (sizeof(IdIndex) + 1);
    }
    return bytes;
}

} // namespace zcomet::store
