// What happens to a stream that reads more slowly than its messages come. The operator of the web
// node chooses: it depends on what a late message is worth.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet::webnode::connection {

/// A message that the kernel has begun to take is always finished, or the stream is closed:
/// messages are only dropped whole. The stream's numbers go on, so its reader sees which are
/// missing.
enum class SlowPolicy : std::uint8_t {
    kClose,      ///< above the bound the stream is closed; a returning browser begins anew
    kDropOldest, ///< above the bound the oldest waiting messages go until the new one fits
    kLatestOnly, ///< only the newest message waits: for values where only the last one counts
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
