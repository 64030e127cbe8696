// The system's clock, for stamps that other processes read. What a core decides by is time.hpp's.
#pragma once

#include <chrono>
#include <cstdint>

namespace zcomet {

/// CLOCK_REALTIME, in ns since 1970.
[[nodiscard]] inline std::uint64_t wall_clock_ns() {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(since_1970).count());
}

/// The same in whole seconds.
[[nodiscard]] inline std::uint64_t wall_clock_s() {
    return wall_clock_ns() / 1'000'000'000;
}

} // namespace zcomet
