#include "test/simulation/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <utility>

namespace zcomet::sim {

void Totals::add(const Totals& more) {
    if (violations == 0) {
        first_violation = more.first_violation;
    }
    schedules += more.schedules;
    violations += more.violations;
    frames += more.frames;
    messages += more.messages;
    shown += more.shown;
    shed += more.shed;
    acknowledged += more.acknowledged;
    duplicates += more.duplicates;
    copies += more.copies;
    failed_over += more.failed_over;
    kept += more.kept;
    resumed += more.resumed;
    gaps += more.gaps;
    trace_hash += more.trace_hash;
    for (std::size_t i = 0; i < kFaults; ++i) {
        faults[i] += more.faults[i];
    }
}

void World::at(Time time, std::function<void()> action) {
    events_.push_back({std::max(time, now_), next_order_++, std::move(action)});
    std::push_heap(events_.begin(), events_.end(), later);
}

void World::run(Time until) {
    while (!violated() && !events_.empty() && events_.front().time <= until) {
        std::pop_heap(events_.begin(), events_.end(), later);
        const Event event = std::move(events_.back());
        events_.pop_back();
        now_ = event.time;
        event.action();
    }
    now_ = violated() ? now_ : std::max(now_, until);
}

void World::violate(const std::string& what) {
    if (!violated()) {
        violation_ = what;
        note("VIOLATION: " + what);
    }
}

void World::note(const std::string& line) const {
    if (tracing_) {
        const std::chrono::duration<double, std::milli> ms = now_ - kStart;
        fmt::print("{:12.3f} ms  {}\n", ms.count(), line);
        std::fflush(stdout); // the lines before an assertion that ends the process matter most
    }
}

void World::count(Fault fault, const std::string& on_what) {
    const auto index = static_cast<std::size_t>(fault);
    ++totals_.faults[index];
    if (tracing_) {
        note(fmt::format("*** {}: {}", kFaultNames[index], on_what));
    }
}

/// The words of a frame go to four sums in turn, which the processor works out side by side: crawls
/// send hundreds of megabytes, and a sum byte by byte took three quarters of the time of all
/// schedules. The steps lose nothing: two frames that differ in one word have different sums.
void World::record(std::string_view frame) {
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15U;
    const auto mix = [](std::uint64_t sum, std::uint64_t word) {
        return std::rotl(sum ^ word, 29) * kOdd;
    };
    const auto word_at = [](const char* at) {
        std::uint64_t word = 0; // of a little-endian machine, as wherever this runs
        std::memcpy(&word, at, sizeof(word));
        return word;
    };
    std::array<std::uint64_t, 4> sums{1, 2, 3, 4};
    constexpr std::size_t kRound = sizeof(sums);
    const std::size_t size = frame.size();
    for (; frame.size() >= kRound; frame.remove_prefix(kRound)) {
        for (std::size_t i = 0; i < sums.size(); ++i) {
            sums[i] = mix(sums[i], word_at(frame.data() + i * sizeof(sums[i])));
        }
    }
    std::array<char, kRound> rest{};
    std::copy(frame.begin(), frame.end(), rest.begin());
    for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] = mix(sums[i], word_at(rest.data() + i * sizeof(sums[i])));
    }
    std::uint64_t hash =
        mix(totals_.trace_hash, static_cast<std::uint64_t>((now_ - kStart).count()));
    for (const std::uint64_t sum : sums) {
        hash = mix(hash, sum);
    }
    totals_.trace_hash = mix(hash, size);
}

} // namespace zcomet::sim
