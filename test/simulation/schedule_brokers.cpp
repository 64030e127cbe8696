#include "test/simulation/schedule_brokers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace zcomet::sim {

namespace {

// As in schedule.cpp.
constexpr Duration kCalmTime = Network::kSilenceMax + Network::kSilenceLate + 200ms;
constexpr std::chrono::seconds kPeaceMax = 40s;
constexpr Duration kLookTime = 250ms;
constexpr Duration kFirstTime = 50ms;
/// Out of a hundred actions that are not faults.
constexpr std::uint64_t kStreamOpens = 30;
constexpr std::uint64_t kStreamCloses = 10;
constexpr std::uint64_t kQuestions = 5;
/// Of messages that await no acknowledgement.
constexpr std::uint64_t kReceiptsPerMille = 500;
/// SEND, BATCH, HEARTBEAT and ACKNOWLEDGED, and one to spare.
constexpr int kWaysOfMessage = 5;
/// Much more than the loops and the gathering of messages take.
constexpr Duration kWorkTime = 150ms;
/// A sender without a broker looks for it at its next heartbeat at the latest.
constexpr Duration kSenderLiveness = 3s + 1s;
/// A broker is not suspected before.
constexpr Duration kBrokerHeartbeat = 1s;
constexpr Duration kLongStall = 60s;

cluster::BrokerList first_list(const BrokersProfile& profile) {
    cluster::BrokerList list;
    list.replicas = profile.replicas;
    list.version = 1;
    for (std::size_t n = 0; n + profile.spares < profile.brokers.size(); ++n) {
        const cluster::PlacedBroker& broker = profile.brokers[n];
        list.brokers.push_back({broker.name, broker.name, broker.weight});
    }
    return list;
}

broker::router::RouterOptions broker_options(const BrokersProfile& profile) {
    broker::router::RouterOptions options;
    options.feed = profile.feed;
    options.sender_window_bytes = profile.sender_window_bytes;
    return options;
}

} // namespace

BrokersSchedule::BrokersSchedule(std::uint64_t seed, bool tracing)
    : world_(seed, tracing), profile_(draw_brokers_profile(world_.random())),
      list_(first_list(profile_)), last_list_(list_),
      placement_(placed_without(cluster::Change::kAdd)),
      promises_(world_, profile_.ids, placement_), brokers_(profile_.brokers.size(), nullptr),
      nodes_(profile_.nodes, nullptr), senders_(profile_.senders, nullptr) {
    place();
    for (const cluster::PlacedBroker& broker : profile_.brokers) {
        networks_.push_back(std::make_unique<Network>(world_, profile_.network, broker.name));
    }
}

void BrokersSchedule::run() {
    for (std::size_t broker = 0; broker < brokers_.size(); ++broker) {
        start_broker(broker);
    }
    for (unsigned round = 0; round < profile_.rounds && !world_.violated(); ++round) {
        run_round();
        make_peace();
        wait_for_calm();
        probe();
    }
    fail_over_in_peace();
    world_.totals().schedules = 1;
}

void BrokersSchedule::run_round() {
    in_peace_ = false;
    for (unsigned slot = 0; slot < nodes_.size(); ++slot) {
        if (nodes_[slot] == nullptr) {
            start_node(slot);
        }
    }
    for (unsigned slot = 0; slot < senders_.size(); ++slot) {
        if (senders_[slot] == nullptr) {
            start_sender(slot);
        }
    }
    for (const auto& network : networks_) {
        network->drop(profile_.drops);
    }
    if (profile_.drops.replies_per_mille > 0) {
        promises_.touch_all();
    }
    world_.run(world_.now() + kFirstTime);
    for (unsigned i = 0; i < profile_.actions && !world_.violated(); ++i) {
        act();
        world_.run(world_.now() + world_.random().spread(profile_.pace_min, profile_.pace_max));
    }
}

void BrokersSchedule::act() {
    Random& random = world_.random();
    if (random.chance(profile_.faults_per_mille)) {
        return inject(profile_.faults[random.below(profile_.faults.size())]);
    }
    if (random.chance(profile_.list_steps_per_mille)) {
        return change_list();
    }
    const std::uint64_t what = random.below(100);
    const auto id = static_cast<IdNumber>(random.below(profile_.ids.size()));
    UplinkProcess* const node = any_node();
    DispatchProcess* const sender = any_sender();
    if (what < kStreamOpens) {
        if (node != nullptr) {
            node->open_stream(id);
        }
    } else if (what < kStreamOpens + kStreamCloses) {
        if (node != nullptr) {
            node->close_a_stream();
        }
    } else if (what < kStreamOpens + kStreamCloses + kQuestions) {
        if (sender != nullptr) {
            sender->ask(id);
        }
    } else {
        post_burst();
    }
}

void BrokersSchedule::post_burst() {
    DispatchProcess* const sender = any_sender();
    if (sender == nullptr) {
        return;
    }
    Random& random = world_.random();
    for (std::uint64_t left = 1 + random.below(profile_.burst_max); left > 0; --left) {
        const auto id = static_cast<IdNumber>(random.below(profile_.ids.size()));
        const bool is_awaited = random.chance(profile_.awaited_per_mille);
        const auto other =
            random.chance(kReceiptsPerMille) ? wire::Confirm::kReceipt : wire::Confirm::kNothing;
        sender->post(id, random.below(profile_.filler_bytes_max + 1),
                     is_awaited ? wire::Confirm::kAcknowledgement : other);
    }
}

// ---- Peace -------------------------------------------------------------------------------------

/// No more faults. Some of the dead nodes are started again; the others stay dead.
void BrokersSchedule::make_peace() {
    in_peace_ = true;
    for (std::size_t broker = 0; broker < brokers_.size(); ++broker) {
        networks_[broker]->heal();
        if (!brokers_[broker]->alive()) {
            start_broker(broker);
        }
        brokers_[broker]->end_stall();
    }
    for (unsigned slot = 0; slot < nodes_.size(); ++slot) {
        UplinkProcess*& node = nodes_[slot];
        if (node->alive()) {
            node->end_stall();
            node->end_busy();
        } else {
            node = nullptr;
            if (world_.random().chance(600)) {
                start_node(slot);
            }
        }
    }
    for (unsigned slot = 0; slot < senders_.size(); ++slot) {
        if (!senders_[slot]->alive()) {
            start_sender(slot);
        }
        senders_[slot]->end_stall();
        senders_[slot]->stop_faults();
    }
    pass_list_on();
}

Time BrokersSchedule::last_talk() const {
    Time last = Time::min();
    for (const auto& network : networks_) {
        last = std::max(last, network->last_talk());
    }
    return last;
}

void BrokersSchedule::wait_for_calm() {
    const Time peace = world_.now();
    const Time deadline = peace + kPeaceMax;
    while (!world_.violated()) {
        world_.run(world_.now() + kLookTime);
        const bool is_quiet = std::max(last_talk(), peace) + kCalmTime <= world_.now();
        if (is_quiet && all_ready(living())) {
            return check_calm(world_, living());
        }
        if (world_.now() >= deadline) {
            return world_.violate(
                fmt::format("after {} s of peace it is still not calm", kPeaceMax.count()));
        }
    }
}

/// Messages sent in a calm cluster come to all nodes that hold their ids, with or without an
/// answer.
void BrokersSchedule::probe() {
    if (world_.violated()) {
        return;
    }
    promises_.begin_probes();
    for (IdNumber id = 0; id < profile_.ids.size(); ++id) {
        DispatchProcess& sender = *senders_[id % senders_.size()];
        sender.post(id, 0, wire::Confirm::kAcknowledgement);
        sender.post(id, 0, wire::Confirm::kReceipt);
        sender.post(id, 0, wire::Confirm::kNothing);
    }
    wait_for_calm();
    promises_.check_probes();
}

/// One broker goes. Messages to the ids of others are answered as fast as ever, and those to its
/// own ids as soon as a sender can know that it is gone.
void BrokersSchedule::fail_over_in_peace() {
    if (world_.violated() || placement_.replicas() < 2) {
        return;
    }
    const std::size_t broker =
        number_of(list_.brokers[world_.random().below(list_.brokers.size())]);
    DispatchProcess& sender = *senders_[0];
    const Duration usual = kWaysOfMessage * profile_.network.delay_max + kWorkTime;
    promises_.touch_broker(broker);
    const Duration detection = take_away(broker);
    for (IdNumber id = 0; id < profile_.ids.size(); ++id) {
        sender.post(id, 0, wire::Confirm::kAcknowledgement);
    }
    world_.run(world_.now() + usual);
    check_answered(sender, broker);
    world_.run(world_.now() + detection);
    check_answered(sender, brokers_.size());
    if (brokers_[broker]->alive()) {
        brokers_[broker]->end_stall();
    } else {
        start_broker(broker);
    }
    wait_for_calm();
    probe();
}

/// @return after which time a sender must have noticed it.
Duration BrokersSchedule::take_away(std::size_t broker) {
    const Duration silence =
        std::clamp<Duration>(profile_.sender.silence_max, kBrokerHeartbeat, kSenderLiveness);
    switch (world_.random().below(3)) {
    case 0:
        brokers_[broker]->crash(Word::kSoon);
        return std::min<Duration>(session::SenderSession::kReconnectMax, silence);
    case 1:
        brokers_[broker]->crash(Word::kBySilence);
        return silence;
    default:
        brokers_[broker]->stall(kLongStall);
        return silence;
    }
}

/// @param without  messages to ids whose first broker it is may still wait.
void BrokersSchedule::check_answered(const DispatchProcess& sender, std::size_t without) {
    const std::uint64_t open = promises_.unanswered(sender.account(), [&](IdNumber id) {
        return placement_.brokers_of(profile_.ids[id]).front() != without;
    });
    if (open > 0) {
        world_.violate(fmt::format("{} messages are not answered in time, {}", open,
                                   without < brokers_.size() ? "although their broker lives"
                                                             : "although another broker lives"));
    }
}

BrokersCluster BrokersSchedule::living() {
    BrokersCluster cluster{brokers_, promises_, logins_, {}, left_, {}, senders_};
    for (const cluster::ListedBroker& broker : list_.brokers) {
        cluster.listed.set(number_of(broker));
    }
    std::copy_if(nodes_.begin(), nodes_.end(), std::back_inserter(cluster.nodes),
                 [](const UplinkProcess* node) { return node != nullptr; });
    cluster.has_lost_nodes = std::any_of(all_nodes_.begin(), all_nodes_.end(),
                                         [](const auto& node) { return !node->alive(); });
    return cluster;
}

// ---- Processes ---------------------------------------------------------------------------------

void BrokersSchedule::start_broker(std::size_t broker) {
    const std::string& name = profile_.brokers[broker].name;
    broker::router::RouterOptions options = broker_options(profile_);
    options.name = name;
    all_brokers_.push_back(std::make_unique<BrokerProcess>(world_, *networks_[broker], watch_,
                                                           std::move(options), name));
    brokers_[broker] = all_brokers_.back().get();
}

void BrokersSchedule::start_node(unsigned slot) {
    all_nodes_.push_back(
        std::make_unique<UplinkProcess>(world_, networks_, promises_, list_on_a_host(), slot));
    nodes_[slot] = all_nodes_.back().get();
    pass_list_on(*nodes_[slot], kListTime);
}

void BrokersSchedule::start_sender(unsigned slot) {
    DispatchProcess::Options options = profile_.sender;
    options.repeats_per_mille = in_peace_ ? 0 : options.repeats_per_mille;
    all_senders_.push_back(std::make_unique<DispatchProcess>(world_, networks_, promises_,
                                                             list_on_a_host(), slot, options));
    senders_[slot] = all_senders_.back().get();
    pass_list_on(*senders_[slot], kListTime);
}

UplinkProcess* BrokersSchedule::any_node() {
    UplinkProcess* const node = nodes_[world_.random().below(nodes_.size())];
    return node->alive() ? node : nullptr;
}

DispatchProcess* BrokersSchedule::any_sender() {
    DispatchProcess* const sender = senders_[world_.random().below(senders_.size())];
    return sender->alive() ? sender : nullptr;
}

} // namespace zcomet::sim
