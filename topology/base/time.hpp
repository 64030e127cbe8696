// Time as the cores see it: passed in as an argument. Only the loops of the programs read a clock,
// once a turn, so the same code runs in a simulation with a clock of its own.
#pragma once

#include <chrono>
#include <cstdint>

namespace zcomet {

using namespace std::chrono_literals; // NOLINT(google-global-names-in-headers)

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Duration = Clock::duration;

/// Later than every time that occurs: "no deadline".
inline constexpr Time kNever = Time::max();

/// Whole milliseconds, rounded towards zero: for log lines and answers.
[[nodiscard]] constexpr std::int64_t in_ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

} // namespace zcomet
