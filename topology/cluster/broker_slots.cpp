#include "topology/cluster/broker_slots.hpp"

#include "topology/base/text.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace zcomet::cluster {

namespace {

bool is_same_broker(const ListedBroker& one, const ListedBroker& other) {
    return one.name == other.name && one.endpoint == other.endpoint;
}

/// Why a list with `fresh` cannot follow one with `old`; empty: it can.
std::string why_no_successor(const ListedBroker& old, const ListedBroker& fresh) {
    const bool is_same_name = old.name == fresh.name;
    if (is_same_name && (old.endpoint != fresh.endpoint || old.weight != fresh.weight)) {
        return "broker " + in_quotes(old.name) +
               " has another address or weight: add it under another name, and remove this one";
    }
    if (!is_same_name && old.endpoint == fresh.endpoint) {
        return fresh.endpoint + " is the broker " + in_quotes(old.name) + ", and " +
               in_quotes(fresh.name) + " is another name";
    }
    return {};
}

} // namespace

BrokerSlots::BrokerSlots(BrokerList list)
    : list_(std::move(list)), mark_(list_.mark()), brokers_(list_.brokers) {}

Status BrokerSlots::use(const BrokerList& list) {
    if (list.version <= list_.version) {
        return Error{"this list of brokers has version " + std::to_string(list.version) +
                     ", and the one in use has version " + std::to_string(list_.version) +
                     ": raise it with each change"};
    }
    if (list.replicas != list_.replicas) {
        return Error{"the number of replicas cannot change while the cluster runs"};
    }
    std::vector<ListedBroker> brokers = brokers_;
    for (const ListedBroker& fresh : list.brokers) {
        for (const ListedBroker& old : list_.brokers) {
            if (std::string why = why_no_successor(old, fresh); !why.empty()) {
                return Error{std::move(why)};
            }
        }
        if (const std::size_t number = number_of(fresh); number < brokers_.size()) {
            brokers[number] = fresh;
        } else {
            brokers.push_back(fresh);
        }
    }
    if (brokers.size() > kBrokersMax) {
        return Error{"this process has known 64 brokers, and can meet no other one: start it anew"};
    }
    brokers_ = std::move(brokers);
    list_ = list;
    mark_ = list.mark();
    return Done{};
}

std::size_t BrokerSlots::number_of(const ListedBroker& broker) const {
    const auto found =
        std::find_if(brokers_.begin(), brokers_.end(), [&broker](const ListedBroker& other) {
            return is_same_broker(broker, other);
        });
    return static_cast<std::size_t>(found - brokers_.begin());
}

bool BrokerSlots::is_listed(std::size_t broker) const {
    return std::any_of(list_.brokers.begin(), list_.brokers.end(),
                       [this, broker](const ListedBroker& listed) {
                           return is_same_broker(listed, brokers_[broker]);
                       });
}

Placement BrokerSlots::placed_without(Change without) const {
    std::vector<PlacedBroker> placed;
    for (std::size_t n = 0; n < brokers_.size(); ++n) {
        const bool has_ids = is_listed(n) && brokers_[n].change != without;
        placed.push_back({brokers_[n].name, has_ids ? brokers_[n].weight : 0});
    }
    return {placed, list_.replicas};
}

LoginPlacement BrokerSlots::logins() const {
    if (list_.moving == Moving::kNothing) {
        return placed_without(Change::kAdd);
    }
    return {placed_without(Change::kAdd), placed_without(Change::kRemove)};
}

Placement BrokerSlots::senders() const {
    return placed_without(list_.moving == Moving::kSenders ? Change::kRemove : Change::kAdd);
}

} // namespace zcomet::cluster
