// Notices when a value comes near its bound, so that a warning is given before anything is refused.
#pragma once

#include <cstdint>

namespace zcomet::metrics {

/// Where a bound is near: at four fifths.
constexpr std::uint64_t near(std::uint64_t bound) {
    return bound - bound / 5;
}

/// One for each bound. A value that goes up and down around four fifths gives one warning.
class NearBound {
  public:
    /// @param bound  0: there is none.
    /// @return true when the value comes near the bound for the first time, or again after it was
    /// under three fifths.
    [[nodiscard]] bool comes_near(std::uint64_t value, std::uint64_t bound) {
        const bool was_near = is_near_;
        if (bound == 0 || value < bound - bound / 5 * 2) {
            is_near_ = false;
        } else if (value >= near(bound)) {
            is_near_ = true;
        }
        return is_near_ && !was_near;
    }

  private:
    bool is_near_ = false;
};

} // namespace zcomet::metrics
