// Time as the cores see it: handed in, never asked for. Only the loops of the programs read a
// clock, once a turn, so that the same code runs in a simulation on a clock of its own.
#pragma once

#include <chrono>

namespace zcomet {

using namespace std::chrono_literals; // NOLINT(google-global-names-in-headers)

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Duration = Clock::duration;

/// Later than every time that occurs: "no deadline".
inline constexpr Time kNever = Time::max();

} // namespace zcomet
