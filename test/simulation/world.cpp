#include "test/simulation/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
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

void World::record(std::string_view frame) {
    // FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/): the same in every build of any compiler.
    constexpr std::uint64_t kPrime = 1'099'511'628'211;
    std::uint64_t hash = totals_.trace_hash ^ static_cast<std::uint64_t>((now_ - kStart).count());
    for (const char byte : frame) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * kPrime;
    }
    totals_.trace_hash = hash * kPrime;
}

} // namespace zcomet::sim
