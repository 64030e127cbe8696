// Spreads work on very many records over a time, at an even pace in steps of uneven size and
// length: what each of them causes elsewhere never comes all at once, nor in step with other
// processes.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace zcomet {

/// Pure: called with the time, it says how many come now. Thread: one at a time.
class UnevenPace {
  public:
    /// @param seed  random: different for each process.
    explicit UnevenPace(std::uint64_t seed)
        : random_(static_cast<std::minstd_rand::result_type>(seed)) {}

    struct Terms {
        Duration within; ///< all come within this, if the loop is not held up
        Duration step;   ///< between two turns, on average
        /// So many come in a turn even if an even share is less.
        std::uint32_t few = 0;
    };
    /// The first turn is due at once.
    void begin(Time now, const Terms& terms) {
        terms_ = terms;
        due_ = now;
        end_ = now + terms.within;
    }
    /// There is nothing left to do.
    void end() { due_ = kNever; }

    /// When take() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const { return due_; }

    /// A turn, at due() or later.
    /// @param left  how many are still to come.
    /// @return how many of them come now: half of an even share to one and a half.
    [[nodiscard]] std::uint32_t take(Time now, std::uint32_t left) {
        using Seconds = std::chrono::duration<double>;
        const Seconds step = terms_.step;
        const double share = left * (step / std::max<Seconds>(step, end_ - now));
        // A share of a third comes every third time, on average.
        const double uneven = share * (0.5 + part()) + part();
        due_ = now + std::chrono::duration_cast<Duration>(step * (0.5 + part()));
        return uneven >= left
                   ? left
                   : std::min(left, std::max(static_cast<std::uint32_t>(uneven), terms_.few));
    }

    /// Any number below `count`, which is at least 1.
    [[nodiscard]] std::uint32_t pick(std::uint32_t count) {
        return static_cast<std::uint32_t>(random_() % count);
    }

  private:
    /// From 0 on, below 1.
    [[nodiscard]] double part() {
        return static_cast<double>(random_() - std::minstd_rand::min()) /
               (std::minstd_rand::max() - std::minstd_rand::min() + 1.0);
    }

    std::minstd_rand random_;
    Terms terms_{};
    Time due_ = kNever;
    Time end_{};
};

} // namespace zcomet
