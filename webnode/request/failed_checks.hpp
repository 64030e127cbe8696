// Bounds what made-up tokens cost. To check a signature takes up to 0.1 ms, which anybody can have
// for a few bytes; a good token is remembered, and costs that once.
#pragma once

#include "topology/auth/claims.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zcomet::webnode::request {

/// Counts signatures that were not good in the present second.
/// Thread: the worker's loop only.
class FailedChecks {
  public:
    /// People behind one address may have old tokens, and a key may just have changed.
    /// @limit signatures in a second, of tokens from one address, that may fail, for each port of a
    /// worker
    static constexpr std::uint8_t kPerAddressMax = 20;
    /// A tenth of a processor.
    /// @limit the same of all addresses together
    static constexpr std::uint32_t kInSumMax = 1000;

    enum class Verdict : std::uint8_t {
        kMay,         ///< check it
        kAddressFull, ///< too many from this address have failed
        kFull,        ///< too many of all have
    };

    /// Whether to check one more.
    /// @param origin  of the connection: Connection::origin(); 0: its address is not known.
    [[nodiscard]] Verdict look(std::uint16_t origin, auth::UnixSeconds now) {
        begin(now);
        if (sum_ >= kInSumMax) {
            return Verdict::kFull;
        }
        const bool is_full = origin != 0 && sum_ > 0 && counts_[origin] >= kPerAddressMax;
        return is_full ? Verdict::kAddressFull : Verdict::kMay;
    }
    /// One has failed.
    void note(std::uint16_t origin, auth::UnixSeconds now) {
        begin(now);
        if (counts_.empty()) {
            counts_.resize(kOrigins);
        }
        ++sum_;
        if (origin != 0 && counts_[origin] < kPerAddressMax) {
            ++counts_[origin];
        }
    }

  private:
    static constexpr std::size_t kOrigins = std::size_t{UINT16_MAX} + 1;

    void begin(auth::UnixSeconds now) {
        if (second_ != now && sum_ > 0) {
            counts_.assign(counts_.size(), 0);
            sum_ = 0;
        }
        second_ = now;
    }

    auth::UnixSeconds second_ = 0;
    std::uint32_t sum_ = 0;
    std::vector<std::uint8_t> counts_; // by origin; empty until one fails
};

} // namespace zcomet::webnode::request
