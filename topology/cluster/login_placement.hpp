// The brokers at which a node logs an id in: those of the list, and while the list changes those of
// the list before and of the one after.
#pragma once

#include "topology/cluster/placement.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace zcomet::cluster {

/// Pure. Thread: any, once it is made.
class LoginPlacement {
  public:
    /// Of a single broker.
    LoginPlacement() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): as long as nothing changes, it is that placement
    LoginPlacement(Placement placement);
    /// @param after  has the brokers of `before`, by the same numbers.
    LoginPlacement(Placement before, Placement after);

    /// How many have numbers.
    [[nodiscard]] std::size_t brokers() const { return before_.brokers(); }
    /// Each once.   Cost: as of Placement::brokers_of(), twice while the list changes.
    [[nodiscard]] BrokerNumbers brokers_of(std::string_view id) const;
    /// Whether some sender may send messages to `id` by way of `broker`: as in Placement.
    [[nodiscard]] bool serves(std::size_t broker, const BrokerSet& alive,
                              std::string_view id) const;
    /// Whether every id has one of `some` among its brokers, by the list of whichever sender.
    [[nodiscard]] bool covers_every_id(const BrokerSet& some) const;

  private:
    Placement before_;
    std::optional<Placement> after_;
};

} // namespace zcomet::cluster
