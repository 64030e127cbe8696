#include "broker/table/message_keys.hpp"

#include "topology/base/check.hpp"

#include <absl/hash/hash.h>

#include <algorithm>
#include <bit>

namespace zcomet::broker::table {

namespace {

constexpr std::size_t kPageBytes = 4096;

std::uint32_t seconds_at(Time now) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
}

/// When a record that was added in that second is older than it may be.
Time end_of(std::uint32_t added_s) {
    return Time{} + std::chrono::seconds(added_s + 1) + MessageKeys::kAge;
}

} // namespace

MessageKeys::MessageKeys(std::uint32_t keys_max)
    : keys_max_(keys_max), mask_(std::size_t{keys_max} * 2 - 1) {
    ZCOMET_ASSERT(std::has_single_bit(keys_max));
}

/// A sender may choose keys as it likes: Abseil's hash has a seed of this process.
std::size_t MessageKeys::home_of(const MessageKey& key) const {
    return absl::Hash<std::string_view>{}({key.data(), key.size()}) & mask_;
}

std::size_t MessageKeys::slot_of(const MessageKey& key) const {
    std::size_t slot = home_of(key);
    while (slots_.get()[slot] != 0 && records_[slots_.get()[slot] - 1].key != key) {
        slot = (slot + 1) & mask_;
    }
    return slot;
}

KeyedMessage* MessageKeys::find(const MessageKey& key) {
    if (slots_ == nullptr) {
        return nullptr;
    }
    const Slot found = slots_.get()[slot_of(key)];
    return found == 0 ? nullptr : &records_[found - 1];
}

KeyedMessage& MessageKeys::add(const MessageKey& key, Time now) {
    if (size() == keys_max_) {
        forget_oldest();
    }
    if (slots_ == nullptr) {
        slots_ = store::make_chunk<Slot>(mask_ + 1); // zero: empty
    }
    const std::size_t slot = slot_of(key);
    ZCOMET_ASSERT(slots_.get()[slot] == 0);
    const std::uint32_t index = records_.add(KeyedMessage{.key = key, .added_s = seconds_at(now)});
    slots_.get()[slot] = index + 1;
    (newest_ == store::kNoIndex ? oldest_ : records_[newest_].newer) = index;
    newest_ = index;
    return records_[index];
}

bool MessageKeys::expire(Time now, std::size_t most) {
    for (; due() <= now && most > 0; --most) {
        forget_oldest();
    }
    records_.give_back(1);
    return due() <= now || records_.has_to_give_back();
}

Time MessageKeys::due() const {
    return oldest_ == store::kNoIndex ? kNever : end_of(records_[oldest_].added_s);
}

std::size_t MessageKeys::memory_bytes() const {
    // A key touches one page of the slots.
    const std::size_t slots = slots_ == nullptr ? 0 : (mask_ + 1) * sizeof(Slot);
    return records_.memory_bytes() + std::min(slots, size() * kPageBytes);
}

void MessageKeys::forget_oldest() {
    empty_slot(slot_of(records_[oldest_].key));
    const std::uint32_t next = records_[oldest_].newer;
    records_.release(oldest_);
    oldest_ = next;
    if (oldest_ == store::kNoIndex) {
        newest_ = store::kNoIndex;
        slots_.reset();
    }
}

/// Others that had to make way for the record in this slot move up.
void MessageKeys::empty_slot(std::size_t slot) {
    Slot* const slots = slots_.get();
    for (std::size_t next = (slot + 1) & mask_; slots[next] != 0; next = (next + 1) & mask_) {
        const std::size_t home = home_of(records_[slots[next] - 1].key);
        if (((next - home) & mask_) >= ((next - slot) & mask_)) {
            slots[slot] = slots[next];
            slot = next;
        }
    }
    slots[slot] = 0;
}

} // namespace zcomet::broker::table
