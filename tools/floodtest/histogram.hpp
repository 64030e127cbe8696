// Counts of durations in log-linear buckets: percentiles of millions of values in 19 KB.
//
// HdrHistogram, whose layout this follows, is not packaged for C or C++ in Debian 12.
//
//     bucket 0 … 63            one value each: 0 … 63 ns
//     bucket 64 + 64·o + s     values [(64 + s)·2^o, (65 + s)·2^o) ns, for octave o and step s
//
// A bucket is thus at most 1/64 of its value wide, and its middle is within 0.8 % of every value in
// it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace zcomet::tools::floodtest {

/// A fixed-size array without pointers, so it may live in memory that processes share. All bytes
/// zero is an empty histogram.
/// Thread: one writer; readers only when the writer has finished.
class Histogram {
  public:
    /// Larger values, from 73 minutes on, count in the last bucket; max_ns() stays exact.
    static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << 42U) - 1;

    /// Counts one value, in nanoseconds.   Cost: a few instructions, no allocation.
    void record(std::uint64_t value_ns);

    /// Adds what `other` has counted.
    void merge(const Histogram& other);

    /// The smallest value that at least `percent` of all values do not exceed (nearest rank), to
    /// within 0.8 %. 0 for an empty histogram.
    /// @param percent  0 to 100.
    [[nodiscard]] std::uint64_t percentile_ns(double percent) const;

    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// Exact. 0 for an empty histogram.
    [[nodiscard]] std::uint64_t max_ns() const { return max_; }

  private:
    static constexpr unsigned kStepBits = 6;
    static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
    static constexpr std::size_t kOctaves = 42 - kStepBits;
    static constexpr std::size_t kBuckets = kSteps * (1 + kOctaves);

    [[nodiscard]] static std::size_t bucket_of(std::uint64_t value);
    [[nodiscard]] static std::uint64_t middle_of(std::size_t bucket);

    std::array<std::uint64_t, kBuckets> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

static_assert(std::is_trivially_copyable_v<Histogram>);

} // namespace zcomet::tools::floodtest
