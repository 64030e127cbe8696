#include "topology/feed/seen_messages.hpp"

#include <algorithm>

namespace zcomet::feed {

bool SeenMessages::add(const wire::Origin& origin) {
    Block& block = block_of(sender_of(origin.sender), origin.number / kBlockNumbers);
    block.used = ++clock_;
    std::uint64_t& word = block.bits[origin.number % kBlockNumbers / 64];
    const std::uint64_t bit = std::uint64_t{1} << (origin.number % 64);
    const bool is_new = (word & bit) == 0;
    word |= bit;
    return is_new;
}

bool SeenMessages::has(const wire::Origin& origin) const {
    const auto known = by_incarnation_.find(origin.sender);
    if (known == by_incarnation_.end()) {
        return false;
    }
    const auto& blocks = known->second->blocks;
    return std::any_of(blocks.begin(), blocks.end(), [&](const std::unique_ptr<Block>& block) {
        return block != nullptr && block->place == origin.number / kBlockNumbers &&
               (block->bits[origin.number % kBlockNumbers / 64] >> (origin.number % 64) & 1U) != 0;
    });
}

SeenMessages::Sender& SeenMessages::sender_of(std::uint64_t incarnation) {
    const auto known = by_incarnation_.find(incarnation);
    if (known != by_incarnation_.end()) {
        senders_.splice(senders_.begin(), senders_, known->second);
        return senders_.front();
    }
    if (senders_.size() == kSendersMax) {
        by_incarnation_.erase(senders_.back().incarnation);
        senders_.pop_back();
    }
    senders_.push_front({incarnation, {}});
    by_incarnation_.emplace(incarnation, senders_.begin());
    return senders_.front();
}

/// A block that is needed anew takes the place of the one that was used longest ago.
SeenMessages::Block& SeenMessages::block_of(Sender& sender, std::uint64_t place) {
    const auto used = [](const std::unique_ptr<Block>& block) {
        return block == nullptr ? 0 : block->used;
    };
    std::unique_ptr<Block>* oldest = &sender.blocks.front();
    for (std::unique_ptr<Block>& block : sender.blocks) {
        if (block != nullptr && block->place == place) {
            return *block;
        }
        if (used(block) < used(*oldest)) {
            oldest = &block;
        }
    }
    *oldest = std::make_unique<Block>();
    (*oldest)->place = place;
    return **oldest;
}

} // namespace zcomet::feed
