// How near something is to its bound, and when that is worth a warning.
#pragma once

#include <algorithm>
#include <cstdint>

namespace zcomet {

/// One quantity beside its bound. A warning is due when the quantity reaches kWarnPercent of the
/// bound, and not again before it has fallen below kCalmPercent: a quantity that hovers at the
/// first mark does not fill the log.
/// Thread: one.   Cost: a division each call.
class Nearness {
  public:
    /// @limit part of a bound, in per cent, from which on a program warns
    static constexpr unsigned kWarnPercent = 80;
    static constexpr unsigned kCalmPercent = 70;
    static constexpr unsigned kPercentMax = 999;

    /// @param bound  0: there is none, and the quantity counts as far from it.
    /// @return whether a warning is due.
    [[nodiscard]] bool note(std::uint64_t used, std::uint64_t bound) {
        percent_ = percent_of(used, bound);
        if (percent_ >= kWarnPercent) {
            const bool is_news = !warned_;
            warned_ = true;
            return is_news;
        }
        warned_ = warned_ && percent_ >= kCalmPercent;
        return false;
    }
    /// Of the bound, rounded down; at most kPercentMax.
    [[nodiscard]] unsigned percent() const { return percent_; }

  private:
    static unsigned percent_of(std::uint64_t used, std::uint64_t bound) {
        if (bound == 0) {
            return 0;
        }
        // Large numbers lose their last digits first, so that nothing overflows.
        const std::uint64_t percent = used <= UINT64_MAX / 100
                                          ? used * 100 / bound
                                          : used / std::max<std::uint64_t>(bound / 100, 1);
        return static_cast<unsigned>(std::min<std::uint64_t>(percent, kPercentMax));
    }

    unsigned percent_ = 0;
    bool warned_ = false;
};

} // namespace zcomet
