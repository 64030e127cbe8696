#include "webnode/hook/fair_queue.hpp"

#include <algorithm>

namespace zcomet::webnode::hook {

void FairQueue::add(Host host, std::uint64_t number) {
    const auto [found, is_new] = waiting_.try_emplace(host);
    found->second.insert(number);
    if (is_new) {
        turns_.push_back(host);
    }
}

/// A host whose questions are gone stays until its turn, so that it has one turn if it comes back.
std::optional<std::uint64_t> FairQueue::take() {
    while (!turns_.empty()) {
        const Host host = turns_.front();
        turns_.pop_front();
        const auto found = waiting_.find(host);
        std::set<std::uint64_t>& numbers = found->second;
        if (numbers.empty()) {
            waiting_.erase(found);
            continue;
        }
        const std::uint64_t oldest = *numbers.begin();
        numbers.erase(numbers.begin());
        turns_.push_back(host);
        return oldest;
    }
    return std::nullopt;
}

bool FairQueue::remove(Host host, std::uint64_t number) {
    const auto found = waiting_.find(host);
    return found != waiting_.end() && found->second.erase(number) > 0;
}

std::size_t FairQueue::waiting_of(Host host) const {
    const auto found = waiting_.find(host);
    return found == waiting_.end() ? 0 : found->second.size();
}

std::optional<std::uint64_t> FairQueue::newest_of_larger(Host host) const {
    const auto largest =
        std::max_element(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) {
            return a.second.size() < b.second.size();
        });
    if (largest == waiting_.end() || largest->second.size() <= waiting_of(host)) {
        return std::nullopt;
    }
    return *largest->second.rbegin();
}

} // namespace zcomet::webnode::hook
