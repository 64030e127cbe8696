// The faults that BrokersSchedule causes in its cluster. Each tells the promises what it touches.
#include "test/simulation/schedule_brokers.hpp"

namespace zcomet::sim {

namespace {
// As in faults.cpp.
constexpr Duration kHarmMin = 1ms;
constexpr Duration kHarmMax = 8s;
constexpr Duration kComesBackMax = 5s;
} // namespace

void BrokersSchedule::inject(Fault fault) {
    switch (fault) {
    case Fault::kCutBoth:
    case Fault::kCutOneWay:
    case Fault::kBreak:
    case Fault::kHalfOpen:
        return harm_links(fault);
    case Fault::kStall:
        return stall_one();
    case Fault::kHostLoss:
        return lose_a_host();
    case Fault::kBusy:
        if (UplinkProcess* const node = any_node(); node != nullptr && !profile_.spares_nodes) {
            world_.count(fault, node->process_name());
            promises_.trouble(node->account());
            node->be_busy(world_.random().spread(kHarmMin, kHarmMax));
        }
        return;
    default:
        return end_one(fault);
    }
}

/// Those of one process with one broker or with all of them, or those of all senders with one
/// broker.
void BrokersSchedule::harm_links(Fault fault) {
    Random& random = world_.random();
    const Duration duration = random.spread(kHarmMin, kHarmMax);
    const std::size_t only = any_broker();
    const bool has_all_brokers = random.chance(300);
    const bool is_of_all_senders = random.chance(200);
    UplinkProcess* const node = any_node();
    DispatchProcess* const sender = any_sender();
    const bool is_of_node = !profile_.spares_nodes && random.chance(500);
    if (is_of_node ? node == nullptr : sender == nullptr) {
        return;
    }
    world_.count(fault, is_of_node ? node->process_name() : sender->process_name());
    for (std::size_t broker = 0; broker < brokers_.size(); ++broker) {
        if (!has_all_brokers && broker != only) {
            continue;
        }
        if (is_of_node) {
            promises_.trouble(node->account());
            harm_link(fault, broker, node->client(broker), duration);
            continue;
        }
        for (DispatchProcess* one : senders_) {
            if (one->alive() && (one == sender || is_of_all_senders)) {
                promises_.touch(one->account(), broker);
                harm_link(fault, broker, one->client(broker), duration);
            }
        }
    }
}

void BrokersSchedule::harm_link(Fault fault, std::size_t broker, const NetworkClient* client,
                                Duration duration) {
    if (client == nullptr) {
        return; // it has nothing to do with that broker
    }
    Random& random = world_.random();
    Network& network = *networks_[broker];
    const bool first_way = random.chance(500);
    const bool one_way = fault == Fault::kCutOneWay;
    const bool half_open = fault == Fault::kHalfOpen;
    for (Network::Link* link : network.links_of(*client)) {
        if (one_way || fault == Fault::kCutBoth) {
            network.block(*link, !one_way || first_way, !one_way || !first_way, duration);
        } else {
            network.break_connection(*link, half_open && first_way ? Word::kBySilence : Word::kSoon,
                                     half_open && !first_way ? Word::kBySilence : Word::kSoon);
        }
    }
}

void BrokersSchedule::stall_one() {
    const Duration duration = world_.random().spread(kHarmMin, kHarmMax);
    const std::size_t broker = any_broker();
    UplinkProcess* const node = any_node();
    DispatchProcess* const sender = any_sender();
    if (world_.random().chance(500) && brokers_[broker]->alive()) {
        world_.count(Fault::kStall, brokers_[broker]->process_name());
        promises_.touch_broker(broker);
        brokers_[broker]->stall(duration);
    } else if (node != nullptr && !profile_.spares_nodes) {
        world_.count(Fault::kStall, node->process_name());
        promises_.trouble(node->account());
        node->stall(duration);
    } else if (sender != nullptr) {
        world_.count(Fault::kStall, sender->process_name());
        promises_.touch(sender->account());
        sender->stall(duration);
    }
}

void BrokersSchedule::end_one(Fault fault) {
    const std::size_t broker = any_broker();
    UplinkProcess* const node = any_node();
    DispatchProcess* const sender = any_sender();
    if (fault == Fault::kBrokerCrash && brokers_[broker]->alive()) {
        world_.count(fault, brokers_[broker]->process_name());
        end_broker(broker, Word::kSoon);
    } else if (fault == Fault::kSenderCrash && sender != nullptr) {
        world_.count(fault, sender->process_name());
        end_sender(*sender, Word::kSoon);
    } else if (fault == Fault::kNodeCrash && node != nullptr) {
        world_.count(fault, node->process_name());
        node->crash(Word::kSoon);
        end_node(*node);
    } else if (fault == Fault::kNodeLeave && node != nullptr) {
        world_.count(fault, node->process_name());
        node->leave();
        end_node(*node);
    }
}

void BrokersSchedule::lose_a_host() {
    const std::size_t broker = any_broker();
    UplinkProcess* const node = any_node();
    DispatchProcess* const sender = any_sender();
    if (world_.random().chance(500) && brokers_[broker]->alive()) {
        world_.count(Fault::kHostLoss, brokers_[broker]->process_name());
        end_broker(broker, Word::kBySilence);
        // Their connections hang for up to four seconds. A broker that is back sooner waits three
        // seconds for its nodes, and is used again without those that have not come.
        for (const auto& one : all_nodes_) {
            promises_.trouble(one->account());
        }
    } else if (node != nullptr && world_.random().chance(700)) {
        world_.count(Fault::kHostLoss, node->process_name());
        node->crash(Word::kBySilence);
        end_node(*node);
    } else if (sender != nullptr) {
        world_.count(Fault::kHostLoss, sender->process_name());
        end_sender(*sender, Word::kBySilence);
    }
}

void BrokersSchedule::end_broker(std::size_t broker, Word word) {
    BrokerProcess* const dead = brokers_[broker];
    dead->crash(word);
    promises_.touch_broker(broker);
    world_.after(pause_of_a_restart(), [this, broker, dead] {
        if (brokers_[broker] == dead) {
            start_broker(broker);
        }
    });
}

void BrokersSchedule::end_node(UplinkProcess& node) {
    world_.after(pause_of_a_restart(), [this, dead = &node] {
        if (nodes_[dead->slot()] == dead) {
            start_node(dead->slot());
        }
    });
}

void BrokersSchedule::end_sender(DispatchProcess& sender, Word word) {
    sender.crash(word);
    world_.after(pause_of_a_restart(), [this, dead = &sender] {
        if (senders_[dead->slot()] == dead) {
            start_sender(dead->slot());
        }
    });
}

Duration BrokersSchedule::pause_of_a_restart() {
    return world_.random().spread(kHarmMin, kComesBackMax);
}

} // namespace zcomet::sim
