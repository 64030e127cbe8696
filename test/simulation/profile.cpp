#include "test/simulation/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace zcomet::sim {

namespace {

/// This many ids of that length fill more than one LIST frame (wire::kFrameBytesTarget).
constexpr unsigned kLongListIds = 1300;
constexpr std::size_t kLongIdBytes = 60;

/// Of schedules.
constexpr std::uint64_t kHistoriesPerMille = 300;
/// Bounds of bytes hold this many messages of the largest size, with what is kept beside them.
constexpr std::uint64_t kFewMessages = 5;
constexpr std::uint64_t kMessageBytes = 250;

/// So many numbers of actions have one that ends with a crawl.
constexpr unsigned kCrawlsPart = 62;

/// The faults that actions cause; the others happen to frames.
constexpr std::array kActive = {Fault::kCutBoth,  Fault::kCutOneWay,   Fault::kBreak,
                                Fault::kHalfOpen, Fault::kNodeCrash,   Fault::kNodeLeave,
                                Fault::kHostLoss, Fault::kSenderCrash, Fault::kBrokerCrash,
                                Fault::kStall,    Fault::kBusy,        Fault::kNameTaken};

template <typename T, std::size_t N> T one_of(Random& random, const std::array<T, N>& values) {
    return values[random.below(N)];
}

void draw_faults(Profile& profile, Random& random) {
    for (const Fault fault : kActive) {
        if (random.chance(300)) {
            profile.faults.push_back(fault);
        }
    }
    if (profile.faults.empty() || random.chance(300)) {
        profile.faults = {one_of(random, kActive), one_of(random, kActive)};
    }
    profile.faults_per_mille = one_of(random, std::array{0U, 30U, 100U, 200U, 400U});
    profile.drops.feed_per_mille = one_of(random, std::array{0U, 0U, 10U, 100U, 400U});
    profile.drops.replies_per_mille = one_of(random, std::array{0U, 0U, 20U, 150U});
    profile.senders_faults.repeats_per_mille = one_of(random, std::array{0U, 0U, 50U, 300U});
}

/// Now and then: faults that only do harm together, and that chance alone would seldom combine.
void draw_combination(Profile& profile, Random& random) {
    switch (random.below(12)) {
    case 0: // nodes that still have batches of the old feed when they get the new one
        profile.faults = {Fault::kBusy, Fault::kBrokerCrash};
        break;
    case 1: // nodes that go on without the new broker's WELCOME
        profile.faults = {Fault::kBrokerCrash};
        profile.drops.replies_per_mille = 150;
        break;
    case 2: // logins that are lost just before their confirmation
        profile.faults = {Fault::kBreak, Fault::kHalfOpen, Fault::kBrokerCrash};
        profile.drops.replies_per_mille = 0;
        profile.confirms_per_mille = 500;
        break;
    default:
        return;
    }
    profile.faults_per_mille = one_of(random, std::array{100U, 200U, 400U});
}

/// Messages so large and so many that a feed sheds some.
void make_large(Profile& profile) {
    profile.filler_bytes_max = 60'000;
    profile.burst_max = 40;
    profile.actions = 40;
    profile.sender_window_bytes = 4U << 20U;
    profile.faults.push_back(Fault::kBusy);
    profile.faults_per_mille = 150;
}

/// Lists so long that they are sent in parts.
void make_long_lists(Profile& profile) {
    profile.nodes = 1;
    profile.rounds = 2;
    profile.ids.clear();
    for (unsigned i = 0; i < kLongListIds; ++i) {
        std::string id = fmt::format("id-{}-", i);
        id.resize(kLongIdBytes, 'x');
        profile.ids.push_back(std::move(id));
    }
    profile.streams_at_start = kLongListIds;
}

/// Two nodes or more hold an id, and a sender is faster than they are, as with the programs'
/// limits.
void make_crawl(Profile& profile) {
    profile.crawl = profile.nodes % 2 == 0 ? Crawl::kOne : Crawl::kAll;
    profile.nodes = std::max(profile.nodes, 2U);
    profile.network.delay_max = std::min<Duration>(profile.network.delay_max, 5ms);
    profile.feed = {};
    profile.sender_window_bytes = 256U << 10U;
}

/// Short histories, so that messages go early.
void draw_history(Profile& profile, Random& random) {
    const bool is_wanted = random.chance(kHistoriesPerMille);
    if (!is_wanted || profile.crawl != Crawl::kNobody || profile.ids.size() == kLongListIds) {
        return;
    }
    for (const std::string& id : profile.ids) {
        if (random.chance(700)) {
            const std::uint32_t count = one_of(random, std::array{1U, 3U, 10U, 1000U});
            const Duration age = one_of(random, std::array<Duration, 4>{1h, 1h, 1h, 2s});
            profile.history.push_back({id, count, age});
        }
    }
    if (random.chance(200) && profile.confirms_per_mille == 0) {
        // Nodes are live with an old feed when the broker that asks for their HELLO is another one.
        profile.faults = {Fault::kBrokerCrash};
        profile.faults_per_mille = 200;
        profile.drops.replies_per_mille = 150;
    }
    if (random.chance(200)) {
        profile.history_bytes_are_few = true;
        profile.history_bytes = kFewMessages * (profile.filler_bytes_max + kMessageBytes);
    }
}

} // namespace

Profile draw_profile(Random& random, Random& more_random, Random& history_random) {
    Profile profile;
    profile.nodes = static_cast<unsigned>(1 + random.below(4));
    profile.senders = static_cast<unsigned>(1 + random.below(3));
    for (std::uint64_t ids = 1 + random.below(8); ids > 0; --ids) {
        profile.ids.push_back(fmt::format("{}", ids));
    }
    profile.rounds = static_cast<unsigned>(1 + random.below(2));
    profile.actions = static_cast<unsigned>(5 + random.below(60));
    profile.pace_max = one_of(random, std::array<Duration, 3>{2ms, 50ms, 500ms});
    profile.network.delay_max = one_of(random, std::array<Duration, 3>{200us, 5ms, 100ms});
    profile.feed.window_bytes = one_of(random, std::array<std::size_t, 4>{1, 200, 2000, 256 << 10});
    profile.feed.bound_bytes = profile.feed.window_bytes + wire::kFrameBytesMax;
    profile.sender_window_bytes =
        one_of(random, std::array<std::uint32_t, 3>{300, 4000, 256 << 10});
    draw_faults(profile, random);
    if (profile.drops.replies_per_mille == 0) {
        // The broker's ERROR about missing logins must not be lost before its PONG.
        profile.confirms_per_mille = one_of(random, std::array{0U, 300U});
    }
    draw_combination(profile, random);
    if (random.chance(20)) {
        make_large(profile);
    } else if (random.chance(15)) {
        make_long_lists(profile);
    }
    // Not drawn, so that the random numbers of kept seeds stay the same.
    constexpr std::array kIdsPerTurn{1U, 2U, 1024U, 1024U};
    profile.ids_per_turn = kIdsPerTurn[profile.actions % kIdsPerTurn.size()];
    constexpr std::array kPeersPerTurn{1U, 2U, 1024U};
    profile.peers_per_turn = kPeersPerTurn[profile.actions % kPeersPerTurn.size()];
    constexpr std::array kKeyedPerMille{0U, 0U, 0U, 300U, 1000U};
    profile.keyed_per_mille = kKeyedPerMille[profile.actions % kKeyedPerMille.size()];
    if (profile.ids.size() == kLongListIds) {
        profile.ids_per_turn = 64; // some dozen turns for a list
    }
    if (profile.actions % kCrawlsPart == 0 && profile.ids.size() < kLongListIds) {
        make_crawl(profile);
    }
    profile.awaited_per_mille = one_of(more_random, std::array{0U, 0U, 200U, 1000U});
    if (profile.confirms_per_mille == 0) {
        // The broker believes the change until the next HEARTBEAT, and may confirm it.
        profile.drops.turned_changes_per_mille = one_of(more_random, std::array{0U, 0U, 0U, 50U});
    }
    profile.senders_faults.forgeries_per_mille = one_of(more_random, std::array{0U, 0U, 20U, 200U});
    profile.drops.lies_per_mille = one_of(more_random, std::array{0U, 0U, 0U, 100U});
    profile.takeovers_per_mille = one_of(more_random, std::array{0U, 0U, 50U, 300U});
    profile.drops.strays_per_mille = one_of(more_random, std::array{0U, 0U, 300U, 1000U});
    profile.attributed_per_mille = one_of(more_random, std::array{0U, 0U, 300U, 1000U});
    draw_history(profile, history_random);
    return profile;
}

} // namespace zcomet::sim
