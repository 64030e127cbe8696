#include "test/simulation/profile_brokers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace zcomet::sim {

namespace {

constexpr std::array kFaultsOfBrokers = {Fault::kCutBoth,  Fault::kCutOneWay,   Fault::kBreak,
                                         Fault::kHalfOpen, Fault::kNodeCrash,   Fault::kNodeLeave,
                                         Fault::kHostLoss, Fault::kSenderCrash, Fault::kBrokerCrash,
                                         Fault::kStall,    Fault::kBusy};
/// Of schedules: no fault touches a node, so that every acknowledged message has to arrive.
constexpr std::uint64_t kSparesNodesPerMille = 500;

template <typename T, std::size_t N> T any_of(Random& random, const std::array<T, N>& values) {
    return values[random.below(N)];
}

void draw_brokers(BrokersProfile& profile, Random& random) {
    const unsigned brokers = any_of(random, std::array{1U, 2U, 2U, 3U, 3U, 4U});
    for (unsigned n = 0; n < brokers; ++n) {
        profile.brokers.push_back(
            {fmt::format("b{}", n), any_of(random, std::array{1U, 1U, 1U, 2U})});
    }
    profile.spares = any_of(random, std::array<std::size_t, 4>{0, 0, 1, 2});
    for (std::size_t n = 0; n < profile.spares; ++n) {
        profile.brokers.push_back({fmt::format("b{}", brokers + n), 1});
    }
    profile.list_steps_per_mille =
        profile.brokers.size() == 1 ? 0 : any_of(random, std::array{0U, 50U, 200U});
    profile.replicas = any_of(random, std::array{1U, 2U, 2U, 2U, 2U, 3U});
    profile.nodes = any_of(random, std::array{2U, 2U, 2U, 3U, 3U, 4U});
    profile.senders = any_of(random, std::array{1U, 1U, 2U, 2U, 3U});
    for (std::uint64_t ids = 1 + random.below(5); ids > 0; --ids) {
        profile.ids.push_back(fmt::format("{}", random.below(1000) * 10 + ids));
    }
}

void draw_brokers_faults(BrokersProfile& profile, Random& random) {
    for (const Fault fault : kFaultsOfBrokers) {
        if (random.chance(300)) {
            profile.faults.push_back(fault);
        }
    }
    if (profile.faults.empty() || random.chance(300)) {
        profile.faults = {any_of(random, kFaultsOfBrokers), any_of(random, kFaultsOfBrokers)};
    }
    profile.spares_nodes = random.chance(kSparesNodesPerMille);
    profile.faults_per_mille = any_of(random, std::array{50U, 100U, 200U, 400U});
    profile.drops.feed_per_mille = any_of(random, std::array{0U, 0U, 10U, 200U});
    profile.drops.replies_per_mille = any_of(random, std::array{0U, 0U, 0U, 0U, 50U});
    profile.sender.repeats_per_mille = any_of(random, std::array{0U, 0U, 0U, 200U});
}

} // namespace

BrokersProfile draw_brokers_profile(Random& random) {
    BrokersProfile profile;
    draw_brokers(profile, random);
    profile.rounds = static_cast<unsigned>(1 + random.below(2));
    profile.actions = static_cast<unsigned>(5 + random.below(25));
    profile.pace_max = any_of(random, std::array<Duration, 3>{2ms, 50ms, 500ms});
    profile.network.delay_max = any_of(random, std::array<Duration, 3>{200us, 5ms, 100ms});
    profile.feed.window_bytes = any_of(random, std::array<std::size_t, 3>{200, 2000, 256U << 10U});
    profile.sender_window_bytes =
        any_of(random, std::array<std::uint32_t, 4>{200, 500, 4000, 256U << 10U});
    profile.awaited_per_mille = any_of(random, std::array{300U, 700U, 1000U, 1000U});
    profile.sender.silence_max = any_of(random, std::array<Duration, 6>{400ms, 1s, 1s, 1s, 1s, 5s});
    draw_brokers_faults(profile, random);
    return profile;
}

} // namespace zcomet::sim
