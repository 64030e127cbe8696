#include "test/simulation/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace zcomet::sim {

namespace {

/// A cluster is calm when it has sent nothing but heartbeats for longer than any process takes to
/// notice a silence.
constexpr Duration kCalm = Network::kSilenceMax + Network::kSilenceLate + 200ms;
/// Time to become calm. The longest deliberate wait is ten seconds, after a refusal.
constexpr std::chrono::seconds kPatience = 40s;
constexpr Duration kLook = 250ms;
constexpr Duration kStartTime = 50ms;
constexpr IdNumber kProbesMax = 8;
/// Longer than ZeroMQ takes for a new connection.
constexpr Duration kReconnectTime = 2s;
constexpr Duration kReconnectLook = 10ms;
/// Much shorter than a heartbeat, in addition to the network's delay.
constexpr Duration kHelloTime = 50ms;
constexpr int kChances = 3;
/// A sender's messages in a crawl: 8 MB a second. A node at kCrawlPace takes an eighth.
constexpr unsigned kCrawlMessages = 1200;
constexpr std::size_t kCrawlBytes = 60'000;
constexpr Duration kCrawlEach = 7500us;
constexpr Duration kCrawlPace = 60ms;
/// About as fast, so that they keep up while the sender waits for that one.
constexpr Duration kCrawlPaceOfOthers = 45ms;
/// By then no node is left behind because of earlier faults.
constexpr Duration kCaughtUp = 6s;
/// Of actions, in addition.
constexpr std::uint64_t kIntrusionsPerMille = 20;
/// Out of a hundred actions that are not faults.
constexpr std::uint64_t kOpens = 40;
constexpr std::uint64_t kCloses = 20;
/// After how many actions a second sender sends a message of another one, where messages have keys.
constexpr std::uint64_t kCopiesPerMille = 400;

/// When a schedule begins, by the system's clock, and how far the clocks of two systems differ.
constexpr std::uint64_t kUnixMs = 1'700'000'000'000;
constexpr std::uint64_t kClockStepMs = 3'600'000;

broker::router::RouterOptions router_options(const Profile& profile) {
    broker::router::RouterOptions options;
    options.feed = profile.feed;
    options.sender_window_bytes = profile.sender_window_bytes;
    options.ids_per_turn = profile.ids_per_turn;
    options.peers_per_turn = profile.peers_per_turn;
    options.lists_per_second = 1; // so that lists have to wait
    // Some twenty turns to remove a node's ids, so that much happens meanwhile.
    options.links_per_turn = static_cast<std::uint32_t>(1 + profile.ids.size() / 20);
    options.history = broker::history::Rules(profile.history);
    options.history_bytes = profile.history_bytes;
    return options;
}

} // namespace

Schedule::Schedule(std::uint64_t seed, bool tracing)
    : world_(seed, tracing),
      profile_(draw_profile(world_.random(), world_.more_random(), world_.history_random())),
      network_(world_, profile_.network),
      promises_(world_, profile_.ids,
                {.feed_window_bytes = profile_.feed.window_bytes,
                 .sender_window_bytes = profile_.sender_window_bytes,
                 .attributed_per_mille = profile_.attributed_per_mille,
                 .keyed_per_mille = profile_.keyed_per_mille,
                 .tables_drift = profile_.drops.turned_changes_per_mille > 0,
                 .nodes_lie = profile_.drops.lies_per_mille > 0,
                 .history = profile_.history,
                 .history_bytes_are_few = profile_.history_bytes_are_few}),
      nodes_(profile_.nodes, nullptr), senders_(profile_.senders, nullptr) {}

void Schedule::run() {
    start_broker();
    for (unsigned round = 0; round < profile_.rounds && !world_.violated(); ++round) {
        run_round();
        make_peace();
        wait_for_calm();
        probe();
    }
    break_in_peace();
    crawl();
    world_.totals().schedules = 1;
}

void Schedule::run_round() {
    in_peace_ = false;
    network_.drop(profile_.drops);
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
    world_.run(world_.now() + kStartTime);
    open_first_streams();
    for (unsigned i = 0; i < profile_.actions && !world_.violated(); ++i) {
        act();
        post_copy();
        world_.run(world_.now() + world_.random().spread(profile_.pace_min, profile_.pace_max));
    }
}

void Schedule::open_first_streams() {
    for (NodeProcess* node : nodes_) {
        for (IdNumber id = 0; id < profile_.streams_at_start; ++id) {
            if (!node->holds(id)) {
                node->open_stream(id);
            }
        }
    }
}

void Schedule::act() {
    Random& random = world_.random();
    if (world_.more_random().chance(profile_.takeovers_per_mille)) {
        forge_hello();
    }
    if (world_.key_random().chance(kIntrusionsPerMille)) {
        intrude();
    }
    if (random.chance(profile_.faults_per_mille)) {
        return inject(profile_.faults[random.below(profile_.faults.size())]);
    }
    const std::uint64_t what = random.below(100);
    if (what >= kOpens + kCloses) {
        return post_burst();
    }
    NodeProcess* const node = any_node();
    if (node == nullptr) {
        return;
    }
    if (what < kOpens) {
        node->open_stream(static_cast<IdNumber>(random.below(profile_.ids.size())));
    } else {
        node->close_a_stream();
    }
}

void Schedule::post_burst() {
    SenderProcess* const sender = any_sender();
    if (sender == nullptr) {
        return;
    }
    Random& random = world_.random();
    const auto usual = random.chance(300) ? wire::Confirm::kReceipt : wire::Confirm::kNothing;
    for (std::uint64_t left = 1 + random.below(profile_.burst_max); left > 0; --left) {
        const bool awaited = world_.more_random().chance(profile_.awaited_per_mille);
        const std::size_t filler_bytes = random.below(profile_.filler_bytes_max + 1);
        const auto id = static_cast<IdNumber>(random.below(profile_.ids.size()));
        sender->post({id, filler_bytes, awaited ? wire::Confirm::kAcknowledgement : usual});
    }
}

/// A client that has no answer sends its message again by another web node.
void Schedule::post_copy() {
    Random& random = world_.copy_random();
    if (profile_.keyed_per_mille == 0 || !random.chance(kCopiesPerMille)) {
        return;
    }
    SenderProcess* const sender = senders_[random.below(senders_.size())];
    if (sender == nullptr || !sender->alive()) {
        return;
    }
    std::optional<Post> copy = promises_.copy_for(sender->account());
    if (copy) {
        copy->confirm = static_cast<wire::Confirm>(random.below(3));
        sender->post(*copy);
    }
}

// ---- Peace -------------------------------------------------------------------------------------

/// No more faults. Some of the dead processes are started again; the others stay dead.
void Schedule::make_peace() {
    in_peace_ = true;
    network_.heal();
    if (!broker_->alive()) {
        start_broker();
    }
    broker_->end_stall();
    for (const auto& node : all_nodes_) {
        const bool superseded = nodes_[node->account().slot] != node.get();
        if (node->alive() && superseded) {
            node->crash(Word::kSoon);
        }
    }
    for (NodeProcess*& node : nodes_) {
        if (!node->alive()) {
            const unsigned slot = node->account().slot;
            node = nullptr;
            if (world_.random().chance(600)) {
                start_node(slot);
            }
        } else {
            node->end_stall();
            node->end_busy();
        }
    }
    for (unsigned slot = 0; slot < senders_.size(); ++slot) {
        if (!senders_[slot]->alive()) {
            start_sender(slot);
        }
        senders_[slot]->end_stall();
        senders_[slot]->stop_faults();
    }
}

void Schedule::wait_for_calm() {
    const Time deadline = world_.now() + kPatience;
    const Time peace = world_.now();
    while (!world_.violated()) {
        world_.run(world_.now() + kLook);
        const bool calm = std::max(network_.last_talk(), peace) + kCalm <= world_.now();
        if (calm && all_ready(living())) {
            return check_calm(world_, living());
        }
        if (world_.now() >= deadline) {
            return world_.violate(
                fmt::format("after {} s of peace it is still not calm", kPatience.count()));
        }
    }
}

/// A message sent in a calm cluster arrives.
void Schedule::probe() {
    if (world_.violated()) {
        return;
    }
    for (IdNumber id = 0; id < std::min<std::size_t>(profile_.ids.size(), kProbesMax); ++id) {
        senders_[id % senders_.size()]->post({id, 0, wire::Confirm::kReceipt});
    }
    wait_for_calm();
}

/// A connection ends, and both sides hear of it at once. The node says HELLO as soon as it has
/// another one, not only when the broker complains about its next heartbeat. That is so unless a
/// frame arrives in the same moment as the end: a turn with input does not look at the connection,
/// since that costs a system call. So a node gets several chances.
void Schedule::break_in_peace() {
    const auto node = std::find_if(nodes_.begin(), nodes_.end(),
                                   [](const NodeProcess* one) { return one != nullptr; });
    if (node == nodes_.end() || world_.violated()) {
        return;
    }
    for (int chance = 0; chance < kChances; ++chance) {
        if (greets_after_break(**node)) {
            return;
        }
    }
    world_.violate((*node)->name() + " has a connection again, and has not said HELLO over it");
}

/// @return whether the node says HELLO as soon as it has another connection.
bool Schedule::greets_after_break(const NodeProcess& node) {
    const std::string before = promises_.connection_of(node.incarnation());
    const std::vector<Network::Link*> links = network_.links_of(node);
    Network::Link& dealer =
        **std::find_if(links.begin(), links.end(),
                       [](const Network::Link* link) { return link->socket == Socket::kDealer; });
    network_.break_connection(dealer, Word::kSoon, Word::kSoon);
    const Time deadline = world_.now() + kReconnectTime;
    do {
        world_.run(world_.now() + kReconnectLook);
    } while (!Network::connected(dealer) && world_.now() < deadline);
    world_.run(world_.now() + profile_.network.delay_max + kHelloTime);
    const bool has_greeted = promises_.connection_of(node.incarnation()) != before;
    wait_for_calm();
    return has_greeted;
}

/// A sender at full speed, and nodes that take what comes at a pace that is slow, but not so slow
/// that they pass for stalled.
void Schedule::crawl() {
    if (profile_.crawl == Crawl::kNobody || world_.violated()) {
        return;
    }
    for (unsigned slot = 0; slot < nodes_.size(); ++slot) {
        if (nodes_[slot] == nullptr) {
            start_node(slot);
        }
    }
    wait_for_calm();
    world_.run(world_.now() + kCaughtUp);
    for (NodeProcess* node : nodes_) {
        node->open_stream(0);
    }
    for (NodeProcess* node : nodes_) {
        node->crawl(profile_.crawl == Crawl::kAll ? kCrawlPaceOfOthers : Duration::zero());
    }
    nodes_[0]->crawl(kCrawlPace);
    const std::uint64_t left_behind = promises_.left_behind();
    for (unsigned i = 0; i < kCrawlMessages && !world_.violated(); ++i) {
        senders_[0]->post({0, kCrawlBytes});
        world_.run(world_.now() + kCrawlEach);
    }
    const std::size_t waiting = senders_[0]->waiting();
    if (profile_.crawl == Crawl::kOne && waiting > kCrawlMessages / 10) {
        world_.violate(
            fmt::format("{} messages wait for one node that is slower than the others", waiting));
    }
    if (profile_.crawl == Crawl::kAll && promises_.left_behind() > left_behind) {
        world_.violate("a node is left behind that is as fast as the others");
    }
    for (NodeProcess* node : nodes_) {
        node->crawl(Duration::zero());
    }
    wait_for_calm();
}

Cluster Schedule::living() {
    Cluster cluster{*broker_, promises_, {}, {}};
    std::copy_if(nodes_.begin(), nodes_.end(), std::back_inserter(cluster.nodes),
                 [](const NodeProcess* node) { return node != nullptr; });
    cluster.senders = senders_;
    return cluster;
}

// ---- Processes ---------------------------------------------------------------------------------

/// The clocks of two brokers' systems may differ, so that positions go back with a new one.
void Schedule::start_broker() {
    broker::router::RouterOptions options = router_options(profile_);
    const bool is_early = world_.history_random().chance(500);
    options.unix_ms = is_early ? kUnixMs - kClockStepMs : kUnixMs;
    options.unix_ms += static_cast<std::uint64_t>(in_ms(world_.now() - World::kStart));
    all_brokers_.push_back(
        std::make_unique<BrokerProcess>(world_, network_, promises_, std::move(options)));
    broker_ = all_brokers_.back().get();
}

void Schedule::start_node(unsigned slot) {
    all_nodes_.push_back(std::make_unique<NodeProcess>(world_, network_, promises_, slot,
                                                       profile_.confirms_per_mille));
    nodes_[slot] = all_nodes_.back().get();
}

void Schedule::start_sender(unsigned slot) {
    all_senders_.push_back(std::make_unique<SenderProcess>(
        world_, network_, promises_, fmt::format("s{}", slot),
        in_peace_ ? SenderProcess::Faults{} : profile_.senders_faults));
    senders_[slot] = all_senders_.back().get();
}

NodeProcess* Schedule::any_node() {
    NodeProcess* const node = nodes_[world_.random().below(nodes_.size())];
    return node->alive() ? node : nullptr;
}

SenderProcess* Schedule::any_sender() {
    SenderProcess* const sender = senders_[world_.random().below(senders_.size())];
    return sender->alive() ? sender : nullptr;
}

NetworkClient* Schedule::any_client() {
    if (world_.random().chance(700)) {
        return any_node();
    }
    return any_sender();
}

} // namespace zcomet::sim
