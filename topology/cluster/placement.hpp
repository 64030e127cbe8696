// Which of a cluster's brokers know an id.
#pragma once

#include "topology/base/check.hpp"

#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

namespace zcomet::cluster {

/// Brokers are numbered in the order in which a program was told of them. Every id is at every
/// broker: with one broker this is all there is to say. A cluster that shares its ids out among its
/// brokers has that rule here.
class Placement {
  public:
    explicit Placement(std::size_t brokers) : all_(brokers) {
        ZCOMET_ASSERT(brokers > 0);
        std::iota(all_.begin(), all_.end(), std::size_t{0});
    }

    [[nodiscard]] std::size_t brokers() const { return all_.size(); }
    /// The brokers at which a node logs `id` in. At least one.
    [[nodiscard]] std::span<const std::size_t> brokers_of(std::string_view /*id*/) const {
        return all_;
    }

  private:
    std::vector<std::size_t> all_;
};

} // namespace zcomet::cluster
