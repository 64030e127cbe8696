// Named counters that one thread of one process writes and any thread may read. They live in plain
// memory, which a supervisor and its workers may share.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace zcomet::metrics {

/// One counter for each value of the enum `Name`, which ends in `kCount`; metric.hpp has the tables
/// that say what each means. Reads and writes never block. A reader sees each counter whole, but
/// not all of them at the same moment.
template <typename Name> class Counters {
  public:
    static constexpr std::size_t kSize = static_cast<std::size_t>(Name::kCount);

    /// Thread: the owner only (so a plain load and store will do, and no locked instruction).
    void add(Name name, std::uint64_t amount = 1) {
        auto& counter = values_[static_cast<std::size_t>(name)];
        counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    /// For values that go up and down. Thread: the owner only.
    void set(Name name, std::uint64_t value) {
        values_[static_cast<std::size_t>(name)].store(value, std::memory_order_relaxed);
    }
    /// Thread: any.
    [[nodiscard]] std::uint64_t get(Name name) const {
        return values_[static_cast<std::size_t>(name)].load(std::memory_order_relaxed);
    }

  private:
    std::array<std::atomic<std::uint64_t>, kSize> values_{};
};

} // namespace zcomet::metrics
