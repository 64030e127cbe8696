// What a broker has in sum, beside its bounds: a gauge for each, and a warning when it gets near.
#pragma once

#include "broker/router/router_host.hpp"
#include "broker/table/counters.hpp"
#include "topology/base/nearness.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zcomet::broker::router {

/// The bounds in sum. kBounds has a row for each.
enum class Bound : std::uint8_t {
    kMemory,
    kQueues,
    kPeers,
    kIds,
    kNodeIds,
    kQueries,
    kDescriptors,
    kHistory,
    kKeys,
    kCount,
};

struct BoundRow {
    Bound bound;
    /// The option that sets it, or a name where it is a constant: for the log.
    std::string_view name;
    /// In per cent of the bound.
    table::BrokerCounter gauge;
};

inline constexpr std::array kBounds{
    BoundRow{Bound::kMemory, "memory-max", table::BrokerCounter::kMemoryPercent},
    BoundRow{Bound::kQueues, "memory-max-of-queues", table::BrokerCounter::kQueuesPercent},
    BoundRow{Bound::kPeers, "peers-max", table::BrokerCounter::kPeersPercent},
    BoundRow{Bound::kIds, "ids-max", table::BrokerCounter::kIdsPercent},
    BoundRow{Bound::kNodeIds, "ids-per-node", table::BrokerCounter::kNodeIdsPercent},
    BoundRow{Bound::kQueries, "queries-max", table::BrokerCounter::kQueriesPercent},
    BoundRow{Bound::kDescriptors, "open-files", table::BrokerCounter::kDescriptorsPercent},
    BoundRow{Bound::kHistory, "history-bytes", table::BrokerCounter::kHistoryPercent},
    BoundRow{Bound::kKeys, "idempotency-keys", table::BrokerCounter::kKeysPercent},
};
static_assert(kBounds.size() == static_cast<std::size_t>(Bound::kCount));

/// What happens at a bound is the business of the part that has it; a counter says how often.
/// Thread: the router's.
class Bounds {
  public:
    Bounds(RouterHost& host, table::BrokerCounters& counters) : host_(host), counters_(counters) {}

    /// Sets the gauge, and reports kNear when the bound gets near.   Cost: a division.
    void note(Bound bound, std::uint64_t used, std::uint64_t most) {
        const auto place = static_cast<std::size_t>(bound);
        const bool is_news = nearness_[place].note(used, most);
        counters_.set(kBounds[place].gauge, nearness_[place].percent());
        if (is_news) {
            host_.on_event({.kind = RouterEvent::Kind::kNear,
                            .count = used,
                            .bound = most,
                            .text = kBounds[place].name});
        }
    }

  private:
    RouterHost& host_;
    table::BrokerCounters& counters_;
    std::array<Nearness, kBounds.size()> nearness_ = {};
};

} // namespace zcomet::broker::router
