#include "topology/feed/seen_messages.hpp"

#include <algorithm>
#include <iterator>

namespace zcomet::feed {

bool SeenMessages::add(const wire::Origin& origin) {
    Window& window = window_of(origin.sender);
    const std::uint64_t number = origin.number;
    if (number > window.highest) {
        // Until now the places of the numbers in between belonged to numbers a whole window ago.
        window.clear(window.highest + 1, number - window.highest);
        window.highest = number;
    } else if (window.highest - number >= wire::kUnacknowledgedMax) {
        return false; // its sender had an answer long ago, or it could not have gone on
    }
    std::uint64_t& word = window.bits[number / 64 % kWords];
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    const bool is_new = (word & bit) == 0;
    word |= bit;
    return is_new;
}

void SeenMessages::Window::clear(std::uint64_t first, std::uint64_t count) {
    if (count >= wire::kUnacknowledgedMax) {
        std::fill(std::begin(bits), std::end(bits), 0);
        return;
    }
    for (std::uint64_t number = first; count > 0;) {
        const std::uint64_t bit = number % 64;
        const std::uint64_t taken = std::min<std::uint64_t>(64 - bit, count);
        const std::uint64_t ones = ~std::uint64_t{0} >> (64 - taken);
        bits[number / 64 % kWords] &= ~(ones << bit);
        number += taken; // may wrap after the largest number, and is not used then
        count -= taken;
    }
}

SeenMessages::Window& SeenMessages::window_of(std::uint64_t sender) {
    if (const auto known = senders_.find(sender); known != senders_.end()) {
        windows_.splice(windows_.begin(), windows_, known->second);
        return windows_.front();
    }
    if (senders_.size() >= kSendersMax) {
        senders_.erase(windows_.back().sender);
        windows_.pop_back();
    }
    windows_.emplace_front().sender = sender;
    senders_.emplace(sender, windows_.begin());
    return windows_.front();
}

} // namespace zcomet::feed
