// Gives messages their positions: numbers that rise over all ids of a broker.
//
//     position = milliseconds << 20 | count << 8 | broker
//
// The milliseconds are those of the system's clock since 1970, but never go backwards; the count is
// of messages within one of them; the broker's number is its place in the cluster file.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstdint>

namespace zcomet::broker::history {

/// Thread: one at a time.
class PositionClock {
  public:
    /// @param unix_ms  the system's clock at `now`: from there on time passes as Clock has it, so a
    ///     step of the system's clock changes nothing.
    PositionClock(std::uint64_t unix_ms, Time now, std::uint8_t broker)
        : unix_ms_(unix_ms), began_(now), broker_(broker) {}

    /// @return a position above all earlier ones.
    [[nodiscard]] std::uint64_t next(Time now) {
        last_ = std::max(at(now), last_ + kStep);
        return last_ | broker_;
    }
    /// The last one given: no message has a higher one. 0: none was given.
    [[nodiscard]] std::uint64_t last() const { return last_ == 0 ? 0 : last_ | broker_; }

    /// The milliseconds of a position that is given now.
    [[nodiscard]] std::uint64_t ms_at(Time now) const { return at(now) >> kMsShift; }

  private:
    static constexpr unsigned kMsShift = 20;
    static constexpr std::uint64_t kStep = 1U << 8U; // of the count

    [[nodiscard]] std::uint64_t at(Time now) const {
        const auto passed = std::max<Duration>(now - began_, Duration::zero());
        return (unix_ms_ + static_cast<std::uint64_t>(in_ms(passed))) << kMsShift;
    }

    std::uint64_t unix_ms_;
    Time began_;
    std::uint8_t broker_;
    std::uint64_t last_ = 0; // without the broker's number
};

} // namespace zcomet::broker::history
