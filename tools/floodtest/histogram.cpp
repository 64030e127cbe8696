#include "tools/floodtest/histogram.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace zcomet::tools::floodtest {

std::size_t Histogram::bucket_of(std::uint64_t value) {
    value = std::min(value, kValueMax);
    if (value < kSteps) {
        return value;
    }
    const auto octave = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
    return kSteps * octave + (value >> octave);
}

std::uint64_t Histogram::middle_of(std::size_t bucket) {
    if (bucket < kSteps) {
        return bucket;
    }
    const std::size_t octave = bucket / kSteps - 1;
    const std::uint64_t lowest = (kSteps + bucket % kSteps) << octave;
    return lowest + (std::uint64_t{1} << octave) / 2;
}

void Histogram::record(std::uint64_t value_ns) {
    const std::size_t bucket = bucket_of(value_ns);
    ZCOMET_ASSERT(bucket < kBuckets);
    ++buckets_[bucket];
    ++count_;
    max_ = std::max(max_, value_ns);
}

void Histogram::merge(const Histogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) {
        buckets_[i] += other.buckets_[i];
    }
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::percentile_ns(double percent) const {
    ZCOMET_ASSERT(percent >= 0.0);
    ZCOMET_ASSERT(percent <= 100.0);
    if (count_ == 0) {
        return 0;
    }
    const double rank = std::ceil(percent / 100.0 * static_cast<double>(count_));
    const std::uint64_t wanted =
        std::clamp(static_cast<std::uint64_t>(rank), std::uint64_t{1}, count_);
    if (wanted == count_) {
        return max_;
    }
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
        seen += buckets_[i];
        if (seen >= wanted) {
            return std::min(middle_of(i), max_);
        }
    }
    return max_;
}

} // namespace zcomet::tools::floodtest
