#include "topology/feed/seen_messages.hpp"

#include <algorithm>

namespace zcomet::feed {

bool SeenMessages::add(const wire::Origin& origin) {
    Window& window = window_of(origin.sender);
    window.used = ++clock_;
    const std::uint64_t number = origin.number;
    if (number > window.highest) {
        // The places of the numbers in between were those of numbers a whole window ago.
        const std::uint64_t passed =
            std::min<std::uint64_t>(number - window.highest, wire::kUnacknowledgedMax);
        for (std::uint64_t n = number - passed + 1; n <= number; ++n) {
            window.bits[n / 64 % kWords] &= ~(std::uint64_t{1} << (n % 64));
        }
        window.highest = number;
    } else if (window.highest - number >= wire::kUnacknowledgedMax) {
        return false; // its sender was told of it long ago, or could not have gone on
    }
    std::uint64_t& word = window.bits[number / 64 % kWords];
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    const bool is_new = (word & bit) == 0;
    word |= bit;
    return is_new;
}

SeenMessages::Window& SeenMessages::window_of(std::uint64_t sender) {
    const auto known = senders_.find(sender);
    if (known != senders_.end()) {
        return *known->second;
    }
    if (senders_.size() >= kSendersMax) {
        forget_the_oldest();
    }
    return *senders_.emplace(sender, std::make_unique<Window>()).first->second;
}

void SeenMessages::forget_the_oldest() {
    const auto oldest =
        std::min_element(senders_.begin(), senders_.end(), [](const auto& a, const auto& b) {
            return a.second->used < b.second->used;
        });
    senders_.erase(oldest);
}

} // namespace zcomet::feed
