// A time as people write it: 90 or 90s, 5m, 2h, 1d.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace zcomet {

/// More has no room in a Duration beside the present time.
inline constexpr std::chrono::seconds kAgeMax = std::chrono::hours(24) * 36'500;

/// Whole seconds, minutes, hours or days, up to kAgeMax, a hundred years.
/// @return nothing: it is none.
[[nodiscard]] std::optional<std::chrono::seconds> read_age(std::string_view text);

} // namespace zcomet
