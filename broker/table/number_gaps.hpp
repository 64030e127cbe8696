// Which of a sender's messages were not taken in, although later ones were: their frames were lost
// with a connection, and come again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace zcomet::broker::table {

/// Gaps in the numbers that were taken in, below the highest of them. Thread: one at a time.
class NumberGaps {
  public:
    /// A connection that ends leaves one gap, and what was lost with it comes again in seconds.
    /// Above that the oldest is forgotten: its numbers pass for taken in.
    /// @limit gaps in the numbers of a sender that a broker remembers
    static constexpr std::size_t kGapsMax = 16;

    /// These numbers were taken in.
    /// @param highest  the highest number that was taken in before; 0: none was.
    void on_taken_in(std::uint64_t first, std::uint64_t last, std::uint64_t highest) {
        close(first, last);
        if (first > highest && first - highest > 1) {
            add({highest + 1, first - 1});
        }
    }

    /// @param number  at most the highest that was taken in.
    [[nodiscard]] bool has(std::uint64_t number) const {
        return std::any_of(gaps_.begin(), gaps_.end(), [number](const Gap& gap) {
            return gap.first <= number && number <= gap.last;
        });
    }
    [[nodiscard]] bool empty() const { return gaps_.empty(); }

  private:
    struct Gap {
        std::uint64_t first;
        std::uint64_t last;
    };

    void add(const Gap& gap) {
        gaps_.push_back(gap);
        forget_oldest();
    }
    /// What is left of each gap without these numbers.
    void close(std::uint64_t first, std::uint64_t last) {
        if (gaps_.empty()) {
            return; // nearly always
        }
        std::vector<Gap> left;
        for (const Gap& gap : gaps_) {
            if (gap.first < first) {
                left.push_back({gap.first, std::min(gap.last, first - 1)});
            }
            if (gap.last > last) {
                left.push_back({std::max(gap.first, last + 1), gap.last});
            }
        }
        gaps_ = std::move(left);
        forget_oldest();
    }
    void forget_oldest() {
        while (gaps_.size() > kGapsMax) {
            gaps_.erase(gaps_.begin());
        }
    }

    std::vector<Gap> gaps_; // few
};

} // namespace zcomet::broker::table
