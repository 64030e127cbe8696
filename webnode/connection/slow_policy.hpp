// What becomes of a stream that does not read as fast as its messages come: a choice of whoever
// runs the web node, since only he knows what his messages are worth when they are late.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet::webnode::connection {

/// A message that the kernel has begun to take is always finished, or the stream is closed: what
/// is dropped is dropped whole. The stream's numbers go on, so its reader sees what is missing.
enum class SlowPolicy : std::uint8_t {
    kClose,      ///< past the bound the stream is closed: a browser that comes back begins anew
    kDropOldest, ///< past the bound the oldest messages that wait go, until the new one fits
    kLatestOnly, ///< only the newest message waits: for values of which only the last one counts
};

/// In the order of SlowPolicy.
inline constexpr std::array<std::string_view, 3> kSlowPolicyNames{"close", "drop-oldest",
                                                                  "latest-only"};

[[nodiscard]] constexpr std::string_view name_of(SlowPolicy policy) {
    return kSlowPolicyNames[static_cast<std::size_t>(policy)];
}

/// Nothing if there is no such policy.
[[nodiscard]] constexpr std::optional<SlowPolicy> slow_policy(std::string_view name) {
    for (std::size_t i = 0; i < kSlowPolicyNames.size(); ++i) {
        if (kSlowPolicyNames[i] == name) {
            return static_cast<SlowPolicy>(i);
        }
    }
    return std::nullopt;
}

} // namespace zcomet::webnode::connection
