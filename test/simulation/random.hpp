// Random numbers, the same on every machine: a seed is enough to run a schedule again.
#pragma once

#include "topology/base/time.hpp"

#include <cstdint>

namespace zcomet::sim {

/// Splitmix64: one word of state, so that a schedule costs nothing to begin. The standard library's
/// distributions differ from library to library, so there are none here.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
        return mixed ^ (mixed >> 31U);
    }
    /// @return a number in [0, bound), which is not 0.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    bool chance(std::uint64_t per_mille) { return below(1000) < per_mille; }

    /// A time in [from, to], `from` at least 1 ns. Short ones are as likely as long ones: each
    /// doubling of the time has the same share.
    Duration spread(Duration from, Duration to) {
        Duration upper = from;
        auto doublings = std::uint64_t{1};
        for (; upper < to; upper *= 2) {
            ++doublings;
        }
        const Duration base = from * (std::int64_t{1} << below(doublings));
        const auto more = below(static_cast<std::uint64_t>(base.count()));
        const Duration drawn = base + Duration(static_cast<Duration::rep>(more));
        return drawn < to ? drawn : to;
    }

  private:
    std::uint64_t state_;
};

} // namespace zcomet::sim
