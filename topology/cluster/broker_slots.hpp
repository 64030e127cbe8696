// The brokers that a process has to do with, by numbers that stay while the list of brokers
// changes: links, accounts and placements go by them.
#pragma once

#include "topology/base/result.hpp"
#include "topology/cluster/broker_list.hpp"
#include "topology/cluster/login_placement.hpp"
#include "topology/cluster/placement.hpp"

#include <cstddef>
#include <vector>

namespace zcomet::cluster {

/// A broker that leaves the list keeps its number, so a process can meet kBrokersMax of them in its
/// life.   Pure. Thread: any, one at a time.
class BrokerSlots {
  public:
    /// Its brokers have the numbers 0, 1, … in their order.
    explicit BrokerSlots(BrokerList list);

    /// Goes by a newer list. Brokers that were not known before get the next numbers.
    /// Errors, and nothing has changed: the version is not higher; a broker that stays has another
    /// address or weight, or an address another name; there are other replicas; the numbers are
    /// used up.
    [[nodiscard]] Status use(const BrokerList& list);

    [[nodiscard]] const BrokerList& list() const { return list_; }
    /// That of the list; made once, since it is compared in each turn.
    [[nodiscard]] const wire::ListMark& mark() const { return mark_; }
    /// How many have numbers.
    [[nodiscard]] std::size_t size() const { return brokers_.size(); }
    /// As it was when it was in the list last.
    [[nodiscard]] const ListedBroker& operator[](std::size_t broker) const {
        return brokers_[broker];
    }
    [[nodiscard]] bool is_listed(std::size_t broker) const;

    /// Where nodes log in.
    [[nodiscard]] LoginPlacement logins() const;
    /// Where senders send.
    [[nodiscard]] Placement senders() const;

  private:
    [[nodiscard]] std::size_t number_of(const ListedBroker& broker) const;
    [[nodiscard]] Placement placed_without(Change without) const;

    BrokerList list_;
    wire::ListMark mark_;
    std::vector<ListedBroker> brokers_; // by number
};

} // namespace zcomet::cluster
