#include "webnode/stream/merge.hpp"

#include <algorithm>
#include <tuple>

namespace zcomet::webnode::stream {

void Merge::clear() {
    set_.clear();
    places_.clear();
    entries_.clear();
}

void Merge::sort() {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        return std::tie(a.stream, a.wanted.number) < std::tie(b.stream, b.wanted.number);
    });
}

/// A message is in the set once, so that it is prepared once for all its streams.
std::uint32_t Merge::place_of(const format::Message& message) {
    const auto [place, is_new] =
        places_.try_emplace(message.number, static_cast<std::uint32_t>(set_.size()));
    if (is_new) {
        set_.add(message);
    }
    return place->second;
}

std::span<const std::uint32_t> Merge::choose(const connection::Connection& stream,
                                             std::span<const Entry> entries,
                                             bool looks_at_fan_outs) {
    std::uint64_t& last = streams_.last_number(stream);
    const std::uint64_t through = entries.back().wanted.number;
    wanted_.clear();
    for (const Entry& entry : entries) {
        if (entry.wanted.number > last) {
            wanted_.push_back(entry.wanted);
        }
    }
    if (looks_at_fan_outs && through > last) {
        streams_.for_each_id_of(stream, [&](std::string_view id) {
            fan_outs_.for_each_kept(id, last, through, [this](const format::Message& message) {
                wanted_.push_back({message.number, place_of(message)});
            });
        });
        std::sort(wanted_.begin(), wanted_.end(),
                  [](const Wanted& a, const Wanted& b) { return a.number < b.number; });
        const auto same = [](const Wanted& a, const Wanted& b) { return a.number == b.number; };
        wanted_.erase(std::unique(wanted_.begin(), wanted_.end(), same), wanted_.end());
    }
    last = std::max(last, through);
    chosen_.clear();
    for (const Wanted& wanted : wanted_) {
        chosen_.push_back(wanted.place);
    }
    return chosen_;
}

} // namespace zcomet::webnode::stream
