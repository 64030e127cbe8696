#include "broker/history/memory_store.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace zcomet::broker::history {

namespace {

constexpr unsigned kMsShift = 20;
/// About a second.
constexpr unsigned kStepShift = 10;
/// An id's text, its place in the hash table, and its Ring.
constexpr std::uint64_t kIdBytes = 88;

/// What a block of that size takes with what glibc adds: eight bytes, and up to fifteen so that a
/// multiple of 16 comes out.
std::uint64_t heap_cost(std::size_t size) {
    return (std::uint64_t{size} + 8 + 15) / 16 * 16;
}

std::uint64_t step_of(std::uint64_t position) {
    return position >> (kMsShift + kStepShift);
}

std::uint64_t id_cost(std::string_view id) {
    const bool is_on_heap = id.size() > store::IdText::kInlineBytesMax;
    return kIdBytes + (is_on_heap ? id.size() + 16 : 0);
}

} // namespace

/// The head of a block; the message's origin (if it has one), attributes and payload follow.
struct MemoryStore::Block {
    Block* next = nullptr; // to the same id
    std::uint64_t position = 0;
    std::uint32_t payload_bytes = 0;
    std::uint8_t attributes_bytes = 0;
    bool has_origin = false;
    /// Whether `next` is of the same step of time. Without it, letting this block go would have to
    /// wait for the next one's memory.
    bool next_is_of_step = false;

    [[nodiscard]] static std::size_t size_of(const wire::Message& message) {
        return sizeof(Block) + (message.origin.sender != 0 ? sizeof(wire::Origin) : 0) +
               message.attributes.size() + message.payload.size();
    }
    [[nodiscard]] static Block* make(const wire::Message& message, std::uint64_t position) {
        auto* const block = ::new (::operator new(size_of(message))) Block();
        block->position = position;
        block->payload_bytes = static_cast<std::uint32_t>(message.payload.size());
        block->attributes_bytes = static_cast<std::uint8_t>(message.attributes.size());
        block->has_origin = message.origin.sender != 0;
        char* at = block->body();
        if (block->has_origin) {
            std::memcpy(at, &message.origin, sizeof(wire::Origin));
            at += sizeof(wire::Origin);
        }
        at = std::copy(message.attributes.begin(), message.attributes.end(), at);
        std::copy(message.payload.begin(), message.payload.end(), at);
        return block;
    }
    static void destroy(Block* block) {
        block->~Block();
        ::operator delete(block);
    }

    [[nodiscard]] std::uint64_t cost() const {
        return heap_cost(sizeof(Block) + (has_origin ? sizeof(wire::Origin) : 0) +
                         attributes_bytes + payload_bytes);
    }
    [[nodiscard]] wire::Message message(std::string_view id) const {
        wire::Message message;
        message.id = id;
        const char* at = body();
        if (has_origin) {
            std::memcpy(&message.origin, at, sizeof(wire::Origin));
            at += sizeof(wire::Origin);
        }
        message.attributes = {at, attributes_bytes};
        message.payload = {at + attributes_bytes, payload_bytes};
        return message;
    }

  private:
    [[nodiscard]] char* body() { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] const char* body() const { return reinterpret_cast<const char*>(this + 1); }
};

MemoryStore::MemoryStore(const Rules& rules, std::uint64_t bytes_max, std::uint64_t epoch)
    : rules_(rules), bytes_max_(bytes_max), epoch_(epoch), by_age_(rules.size()),
      forgotten_through_(rules.size(), 0) {
    ZCOMET_ASSERT(epoch != 0);
}

MemoryStore::~MemoryStore() {
    for (ByAge& ages : by_age_) {
        while (!ages.empty()) {
            drop_first(ages.begin()->second);
        }
    }
}

bool MemoryStore::keep(std::size_t rule, const wire::Message& message, std::uint64_t position) {
    if (heap_cost(Block::size_of(message)) + id_cost(message.id) > bytes_max_) {
        return false;
    }
    const auto [id, is_new] = ids_.intern(message.id);
    if (is_new) {
        rings_.grow(ids_.index_bound(), Ring{});
        rings_[id] = Ring{};
        rings_[id].rule = static_cast<std::uint32_t>(rule);
        rings_[id].complete_since = forgotten_through_[rule];
        bytes_ += id_cost(message.id);
    }
    Ring& ring = rings_[id];
    if (!is_new) { // both are used below, and are mostly in no cache
        __builtin_prefetch(ring.first);
        __builtin_prefetch(ring.last);
    }
    Block* const block = Block::make(message, position);
    bytes_ += block->cost();
    ++messages_;
    if (ring.count++ == 0) {
        ring.first = block;
        ring.last = block;
        link(id);
    } else {
        ring.last->next = block;
        ring.last->next_is_of_step = step_of(ring.last->position) == step_of(position);
        ring.last = block;
        mark(ring);
    }
    if (ring.count > rules_[rule].count_max) {
        drop_first(id);
    }
    while (bytes_ > bytes_max_) {
        evict_oldest();
    }
    return true;
}

/// The last message has just come.
void MemoryStore::mark(Ring& ring) {
    const std::uint32_t place = ring.count - 1;
    if (ring.marks == nullptr) {
        if (place < BlockMarks::kEach) {
            return;
        }
        ring.marks = new BlockMarks();
        bytes_ += heap_cost(sizeof(BlockMarks));
    } else {
        bytes_ -= heap_cost(ring.marks->heap_bytes());
    }
    ring.marks->on_added(ring.last, place);
    bytes_ += heap_cost(ring.marks->heap_bytes());
}

/// The first message is about to go.
void MemoryStore::unmark_first(Ring& ring) {
    if (ring.marks == nullptr) {
        return;
    }
    bytes_ -= heap_cost(ring.marks->heap_bytes());
    if (ring.count == 1) {
        bytes_ -= heap_cost(sizeof(BlockMarks));
        delete std::exchange(ring.marks, nullptr);
        return;
    }
    ring.marks->on_first_dropped();
    bytes_ += heap_cost(ring.marks->heap_bytes());
}

void MemoryStore::link(store::IdIndex id) {
    Ring& ring = rings_[id];
    const auto [place, is_new] = by_age_[ring.rule].try_emplace(step_of(ring.first->position), id);
    ring.previous = store::kNoIndex;
    ring.next = is_new ? store::kNoIndex : std::exchange(place->second, id);
    if (ring.next != store::kNoIndex) {
        rings_[ring.next].previous = id;
    }
}

void MemoryStore::unlink(store::IdIndex id) {
    const Ring& ring = rings_[id];
    if (ring.next != store::kNoIndex) {
        rings_[ring.next].previous = ring.previous;
    }
    if (ring.previous != store::kNoIndex) {
        rings_[ring.previous].next = ring.next;
        return;
    }
    ByAge& ages = by_age_[ring.rule];
    const auto place = ages.find(step_of(ring.first->position));
    if (ring.next != store::kNoIndex) {
        place->second = ring.next;
    } else {
        ages.erase(place);
    }
}

void MemoryStore::drop_first(store::IdIndex id) {
    Ring& ring = rings_[id];
    const bool stays = ring.first->next_is_of_step;
    if (!stays) {
        unlink(id);
    }
    unmark_first(ring);
    Block* const block = ring.first;
    ring.first = block->next;
    ring.complete_since = block->position;
    --ring.count;
    --messages_;
    bytes_ -= block->cost();
    Block::destroy(block);
    if (ring.count == 0) {
        std::uint64_t& forgotten = forgotten_through_[ring.rule];
        forgotten = std::max(forgotten, ring.complete_since);
        bytes_ -= id_cost(ids_.name(id));
        ids_.release(id);
    } else if (!stays) {
        link(id);
    }
}

void MemoryStore::evict_oldest() {
    const auto oldest =
        std::min_element(by_age_.begin(), by_age_.end(), [](const ByAge& a, const ByAge& b) {
            return !a.empty() && (b.empty() || a.begin()->first < b.begin()->first);
        });
    drop_first(oldest->begin()->second);
    ++evicted_;
}

std::uint64_t MemoryStore::complete_since(std::size_t rule, std::string_view id) const {
    const auto known = ids_.find(id);
    return known ? rings_[*known].complete_since : forgotten_through_[rule];
}

std::uint64_t MemoryStore::before_newest(std::string_view id, std::uint32_t most) const {
    const auto known = ids_.find(id);
    if (!known || rings_[*known].count <= most) {
        return 0;
    }
    const Ring& ring = rings_[*known];
    std::uint32_t further = ring.count - most - 1;
    const Block* last_before = ring.first;
    if (ring.marks != nullptr) {
        const BlockMarks::Near near = ring.marks->near_place(further);
        last_before = near.block == nullptr ? ring.first : near.block;
        further = near.further;
    }
    for (; further > 0; --further) {
        last_before = last_before->next;
    }
    return last_before->position;
}

/// A message to the id from which few are at or before `after`: none in front of it is later.
const MemoryStore::Block* MemoryStore::near(const Ring& ring, std::uint64_t after) {
    const Block* const mark = ring.marks == nullptr ? nullptr : ring.marks->at_or_before(after);
    return mark == nullptr ? ring.first : mark;
}

std::uint64_t MemoryStore::read(const wire::IdList& ids, std::uint64_t after,
                                const Visit& visit) const {
    struct Next {
        std::string_view id;
        const Block* block;
    };
    std::vector<Next> nexts;
    std::uint64_t passed = 0;
    ids.for_each([&](std::string_view id) {
        const auto known = ids_.find(id);
        const Block* block = known ? near(rings_[*known], after) : nullptr;
        while (block != nullptr && block->position <= after) {
            block = block->next;
            ++passed;
        }
        if (block != nullptr) {
            nexts.push_back({ids_.name(*known), block});
        }
    });
    while (!nexts.empty()) {
        const auto first =
            std::min_element(nexts.begin(), nexts.end(), [](const Next& a, const Next& b) {
                return a.block->position < b.block->position;
            });
        if (!visit(first->block->message(first->id), first->block->position)) {
            break;
        }
        first->block = first->block->next;
        if (first->block == nullptr) {
            nexts.erase(first);
        }
    }
    return passed;
}

bool MemoryStore::expire(std::uint64_t now_ms, std::size_t most) {
    for (std::size_t rule = 0; rule < by_age_.size(); ++rule) {
        const auto age_ms = static_cast<std::uint64_t>(in_ms(rules_[rule].age_max));
        while (!by_age_[rule].empty()) {
            const auto [step, id] = *by_age_[rule].begin();
            if (((step + 1) << kStepShift) + age_ms > now_ms) {
                break;
            }
            if (most-- == 0) {
                return true;
            }
            drop_first(id);
        }
    }
    ids_.give_back(1);
    return ids_.has_to_give_back();
}

} // namespace zcomet::broker::history
