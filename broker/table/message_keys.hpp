// The keys of messages that came lately, and what became of each of these.
#pragma once

#include "topology/base/time.hpp"
#include "topology/store/chunk_memory.hpp"
#include "topology/store/slab.hpp"
#include "topology/wire/attributes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zcomet::broker::table {

/// As its sender gave it.
using MessageKey = std::array<char, wire::kKeyBytes>;

/// The first message with its key.
struct KeyedMessage {
    enum class State : std::uint8_t {
        kUnderWay, ///< it is not known yet at how many nodes it will arrive
        kHeld,     ///< so many nodes held its id
        kArrived,  ///< it has arrived at so many nodes
    };
    static constexpr std::uint32_t kNotKnown = UINT32_MAX;

    MessageKey key{};
    std::uint64_t content = 0;  ///< a hash of all that it was but its key
    std::uint64_t position = 0; ///< in the history; 0: it was not kept
    /// A number of them, or kNotKnown. While it is under way: a hash of its sender and number.
    std::uint32_t nodes = 0;
    std::uint32_t newer = store::kNoIndex;
    std::uint32_t added_s = 0;
    State state = State::kUnderWay;
};
static_assert(sizeof(KeyedMessage) == 48);

/// A flat hash table over records that go by age. It never grows while it is in use, so no call
/// takes long. Thread: one at a time.
/// Memory: 48 bytes for each key, and 8 in a table that is mapped whole and resident where it is
/// used: 56 MiB for all keys.
class MessageKeys {
  public:
    /// Above that the oldest go.
    /// @limit keys of messages that a broker remembers
    static constexpr std::uint32_t kKeysMax = 1'048'576;
    /// Clients that have no answer try again within minutes.
    /// @limit time for which a broker remembers the key of a message
    static constexpr Duration kAge = 10min;

    /// @param keys_max  a power of two.
    explicit MessageKeys(std::uint32_t keys_max = kKeysMax);

    /// The record of the key; nullptr: none is known. It stays where it is until add() or expire().
    [[nodiscard]] KeyedMessage* find(const MessageKey& key);
    /// The key, which is not known, has a record now, with that time.
    KeyedMessage& add(const MessageKey& key, Time now);

    /// Forgets keys that are older than kAge, up to `most` of them.
    /// @return whether there is more to do at once.
    bool expire(Time now, std::size_t most);
    /// When expire() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;

    [[nodiscard]] std::uint32_t size() const { return records_.size(); }
    [[nodiscard]] std::uint32_t most() const { return keys_max_; }
    [[nodiscard]] std::size_t memory_bytes() const;

  private:
    using Slot = std::uint32_t; // the index of a record, and one; 0: empty

    [[nodiscard]] std::size_t home_of(const MessageKey& key) const;
    /// The slot of the key, or the empty one where it would be.
    [[nodiscard]] std::size_t slot_of(const MessageKey& key) const;
    void forget_oldest();
    void empty_slot(std::size_t slot);

    std::uint32_t keys_max_;
    std::size_t mask_; // of places in slots_, of which there are twice as many as keys
    store::Chunk<Slot> slots_{nullptr, {}}; // nullptr: there is no key
    store::Slab<KeyedMessage> records_{store::WhenEmpty::kGiveBackInSlices};
    std::uint32_t oldest_ = store::kNoIndex;
    std::uint32_t newest_ = store::kNoIndex;
};

} // namespace zcomet::broker::table
