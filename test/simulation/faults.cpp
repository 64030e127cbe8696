// The faults that Schedule causes in its cluster.
#include "test/simulation/schedule.hpp"

namespace zcomet::sim {

namespace {
// From hardly noticeable to much longer than the liveness time.
constexpr Duration kFaultMin = 1ms;
constexpr Duration kFaultMax = 8s;
constexpr Duration kRestartMax = 5s;
} // namespace

void Schedule::inject(Fault fault) {
    switch (fault) {
    case Fault::kCutBoth:
    case Fault::kCutOneWay:
        return cut(fault == Fault::kCutOneWay);
    case Fault::kBreak:
    case Fault::kHalfOpen:
        return break_a_connection(fault);
    case Fault::kStall:
        return stall_one();
    case Fault::kHostLoss:
        return lose_a_host();
    case Fault::kNameTaken:
        return take_a_name();
    case Fault::kBusy:
        if (NodeProcess* const node = any_node()) {
            world_.count(fault, node->name());
            node->be_busy(world_.random().spread(kFaultMin, kFaultMax));
        }
        return;
    default:
        return end_one(fault);
    }
}

/// One link of a client, or all of them, as when its host is cut off.
void Schedule::cut(bool one_way) {
    NetworkClient* const client = any_client();
    if (client == nullptr) {
        return;
    }
    Random& random = world_.random();
    const Duration duration = random.spread(kFaultMin, kFaultMax);
    const bool first_way = random.chance(500);
    const std::vector<Network::Link*> links = network_.links_of(*client);
    const std::size_t only = random.below(links.size() * 2);
    world_.count(one_way ? Fault::kCutOneWay : Fault::kCutBoth, client->name());
    for (std::size_t i = 0; i < links.size(); ++i) {
        if (only >= links.size() || only == i) {
            network_.block(*links[i], !one_way || first_way, !one_way || !first_way, duration);
        }
    }
}

void Schedule::break_a_connection(Fault fault) {
    NetworkClient* const client = any_client();
    if (client == nullptr) {
        return;
    }
    Random& random = world_.random();
    const std::vector<Network::Link*> links = network_.links_of(*client);
    const bool half_open = fault == Fault::kHalfOpen;
    const bool client_is_late = random.chance(500);
    world_.count(fault, client->name());
    network_.break_connection(*links[random.below(links.size())],
                              half_open && client_is_late ? Word::kBySilence : Word::kSoon,
                              half_open && !client_is_late ? Word::kBySilence : Word::kSoon);
}

void Schedule::stall_one() {
    const Duration duration = world_.random().spread(kFaultMin, kFaultMax);
    if (world_.random().chance(300) && broker_->alive()) {
        world_.count(Fault::kStall, "broker");
        broker_->stall(duration);
    } else if (NodeProcess* const node = any_node()) {
        world_.count(Fault::kStall, node->name());
        node->stall(duration);
    } else if (SenderProcess* const sender = any_sender()) {
        world_.count(Fault::kStall, sender->name());
        sender->stall(duration);
    }
}

void Schedule::end_one(Fault fault) {
    if (fault == Fault::kBrokerCrash && broker_->alive()) {
        world_.count(fault, "broker");
        end_broker(Word::kSoon);
    }
    if (NodeProcess* const node = any_node(); node != nullptr && fault == Fault::kNodeCrash) {
        world_.count(fault, node->name());
        end_node(*node, Word::kSoon);
    } else if (node != nullptr && fault == Fault::kNodeLeave) {
        world_.count(fault, node->name());
        node->leave();
        end_node(*node, Word::kSoon);
    }
    if (SenderProcess* const sender = any_sender();
        sender != nullptr && fault == Fault::kSenderCrash) {
        world_.count(fault, sender->name());
        end_sender(*sender, Word::kSoon);
    }
}

void Schedule::lose_a_host() {
    if (world_.random().chance(200) && broker_->alive()) {
        world_.count(Fault::kHostLoss, "broker");
        end_broker(Word::kBySilence);
    } else if (NodeProcess* const node = any_node()) {
        world_.count(Fault::kHostLoss, node->name());
        end_node(*node, Word::kBySilence);
    } else if (SenderProcess* const sender = any_sender()) {
        world_.count(Fault::kHostLoss, sender->name());
        end_sender(*sender, Word::kBySilence);
    }
}

/// The node that had the name runs on, and may fight for it until make_peace().
void Schedule::take_a_name() {
    if (const NodeProcess* const node = any_node()) {
        world_.count(Fault::kNameTaken, node->name());
        start_node(node->account().slot);
    }
}

/// A stranger that knows the incarnation of a node or a sender claims its place.
void Schedule::forge_hello() {
    Random& random = world_.more_random();
    const std::size_t any = random.below(nodes_.size() + senders_.size());
    if (!broker_->alive()) {
        return;
    }
    const bool is_node = any < nodes_.size();
    const auto forge = [this](std::uint64_t incarnation, wire::Role role, const std::string& name) {
        if (broker_->forge_hello(incarnation, role, name)) {
            world_.count(Fault::kTakeover, name);
        }
    };
    if (is_node && nodes_[any] != nullptr) {
        forge(nodes_[any]->incarnation(), wire::Role::kNode, nodes_[any]->name());
    } else if (!is_node) {
        const SenderProcess& sender = *senders_[any - nodes_.size()];
        forge(sender.account().incarnation, wire::Role::kSender, sender.name());
    }
}

/// Somebody whose key is another one, and who knows all names and incarnations.
void Schedule::intrude() {
    const std::size_t any = world_.key_random().below(nodes_.size() + senders_.size());
    const auto intrude = [this](std::uint64_t incarnation, wire::Role role,
                                const std::string& name) {
        if (broker_->intrude(incarnation, role, name)) {
            world_.count(Fault::kIntrusion, name);
        }
    };
    if (any >= nodes_.size()) {
        const SenderProcess& sender = *senders_[any - nodes_.size()];
        intrude(sender.account().incarnation, wire::Role::kSender, sender.name());
    } else if (nodes_[any] != nullptr) {
        intrude(nodes_[any]->incarnation(), wire::Role::kNode, nodes_[any]->name());
    }
}

void Schedule::end_broker(Word word) {
    BrokerProcess* const dead = broker_;
    dead->crash(word);
    world_.after(pause_of_a_restart(), [this, dead] {
        if (broker_ == dead) {
            start_broker();
        }
    });
}

void Schedule::end_node(NodeProcess& node, Word word) {
    if (node.alive()) {
        node.crash(word);
    }
    world_.after(pause_of_a_restart(), [this, dead = &node] {
        if (nodes_[dead->account().slot] == dead) {
            start_node(dead->account().slot);
        }
    });
}

void Schedule::end_sender(SenderProcess& sender, Word word) {
    sender.crash(word);
    world_.after(pause_of_a_restart(), [this, dead = &sender] {
        for (unsigned slot = 0; slot < senders_.size(); ++slot) {
            if (senders_[slot] == dead) {
                start_sender(slot);
            }
        }
    });
}

Duration Schedule::pause_of_a_restart() {
    return world_.random().spread(kFaultMin, kRestartMax);
}

} // namespace zcomet::sim
