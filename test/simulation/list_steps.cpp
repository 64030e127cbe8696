// Changes of the list of brokers in a BrokersSchedule: an operator who adds and removes brokers,
// and goes on with a step when all processes have the last one.
#include "test/simulation/schedule_brokers.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::sim {

namespace {

constexpr Duration kListTimeMin = 1ms;
/// Of steps that could go on.
constexpr std::uint64_t kStepsBackPerMille = 200;

void settle(cluster::BrokerList& list, cluster::Change without) {
    std::erase_if(list.brokers, [without](const cluster::ListedBroker& broker) {
        return broker.change == without;
    });
    for (cluster::ListedBroker& broker : list.brokers) {
        broker.change = cluster::Change::kNone;
    }
    list.moving = cluster::Moving::kNothing;
}

} // namespace

void BrokersSchedule::change_list() {
    if (!have_all_taken_list()) {
        return;
    }
    const bool goes_back = world_.random().chance(kStepsBackPerMille);
    cluster::BrokerList next = list_;
    switch (list_.moving) {
    case cluster::Moving::kNothing:
        return begin_change();
    case cluster::Moving::kNodes:
        if (goes_back) {
            settle(next, cluster::Change::kAdd);
        } else {
            next.moving = cluster::Moving::kSenders;
        }
        break;
    case cluster::Moving::kSenders:
        if (goes_back) {
            next.moving = cluster::Moving::kNodes;
        } else {
            settle(next, cluster::Change::kRemove);
        }
        break;
    }
    take_step(std::move(next));
}

/// One broker comes or goes, or another one comes for it.
void BrokersSchedule::begin_change() {
    cluster::BrokerList next = list_;
    std::vector<cluster::ListedBroker> spares;
    for (const cluster::PlacedBroker& broker : profile_.brokers) {
        const bool is_listed = std::any_of(
            list_.brokers.begin(), list_.brokers.end(),
            [&broker](const cluster::ListedBroker& listed) { return listed.name == broker.name; });
        if (!is_listed) {
            spares.push_back({broker.name, broker.name, broker.weight, cluster::Change::kAdd});
        }
    }
    const bool adds = !spares.empty() && world_.random().chance(700);
    const bool removes = list_.brokers.size() > 1 && (!adds || world_.random().chance(300));
    if (removes) {
        next.brokers[world_.random().below(next.brokers.size())].change = cluster::Change::kRemove;
    }
    if (adds) {
        next.brokers.push_back(spares[world_.random().below(spares.size())]);
    }
    if (adds || removes) {
        next.moving = cluster::Moving::kNodes;
        take_step(std::move(next));
    }
}

void BrokersSchedule::take_step(cluster::BrokerList next) {
    last_list_ = std::exchange(list_, std::move(next));
    ++list_.version;
    place();
    promises_.on_placement(placement_);
    for (const cluster::ListedBroker& broker : last_list_.brokers) {
        const bool stays = std::any_of(
            list_.brokers.begin(), list_.brokers.end(),
            [&broker](const cluster::ListedBroker& other) { return other.name == broker.name; });
        if (!stays) {
            left_.set(number_of(broker));
        }
    }
    for (UplinkProcess* node : nodes_) {
        if (node != nullptr) {
            pass_list_on(*node, world_.random().spread(kListTimeMin, kListTime));
        }
    }
    for (DispatchProcess* sender : senders_) {
        if (sender != nullptr) {
            pass_list_on(*sender, world_.random().spread(kListTimeMin, kListTime));
        }
    }
}

bool BrokersSchedule::have_all_taken_list() const {
    const auto has_it = [this](const auto* process) {
        return process == nullptr || !process->alive() || process->told_version() == list_.version;
    };
    return std::all_of(nodes_.begin(), nodes_.end(), has_it) &&
           std::all_of(senders_.begin(), senders_.end(), has_it);
}

template <typename Process> void BrokersSchedule::pass_list_on(Process& process, Duration delay) {
    world_.after(delay, [this, &process] { process.use(list_); });
}

template void BrokersSchedule::pass_list_on(UplinkProcess& process, Duration delay);
template void BrokersSchedule::pass_list_on(DispatchProcess& process, Duration delay);

void BrokersSchedule::pass_list_on() {
    for (UplinkProcess* node : nodes_) {
        if (node != nullptr) {
            node->use(list_);
        }
    }
    for (DispatchProcess* sender : senders_) {
        sender->use(list_);
    }
}

const cluster::BrokerList& BrokersSchedule::list_on_a_host() {
    return in_peace_ || world_.random().chance(700) ? list_ : last_list_;
}

cluster::Placement BrokersSchedule::placed_without(cluster::Change without) const {
    std::vector<cluster::PlacedBroker> placed = profile_.brokers;
    for (cluster::PlacedBroker& broker : placed) {
        const auto listed = std::find_if(
            list_.brokers.begin(), list_.brokers.end(),
            [&broker](const cluster::ListedBroker& other) { return other.name == broker.name; });
        if (listed == list_.brokers.end() || listed->change == without) {
            broker.weight = 0;
        }
    }
    return {placed, list_.replicas};
}

void BrokersSchedule::place() {
    logins_ = list_.moving == cluster::Moving::kNothing
                  ? cluster::LoginPlacement(placed_without(cluster::Change::kAdd))
                  : cluster::LoginPlacement(placed_without(cluster::Change::kAdd),
                                            placed_without(cluster::Change::kRemove));
    placement_ = placed_without(list_.moving == cluster::Moving::kSenders ? cluster::Change::kRemove
                                                                          : cluster::Change::kAdd);
}

} // namespace zcomet::sim
