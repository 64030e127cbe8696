#include "topology/cluster/placement.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/id_digest.hpp"

#include <algorithm>

namespace zcomet::cluster {

namespace {

/// 2^64 divided by the golden ratio: the step of splitmix64.
constexpr std::uint64_t kStep = 0x9E37'79B9'7F4A'7C15U;

/// The finalizer of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014): FNV-1a alone leaves neighbours near each other.
constexpr std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
    value = (value ^ (value >> 27U)) * 0x94D0'49BB'1331'11EBU;
    return value ^ (value >> 31U);
}

/// The best of so many draws: a broker with twice the weight of another one has twice the chance.
std::uint64_t draw(std::uint64_t seed, std::uint32_t weight, std::uint64_t id) {
    std::uint64_t best = 0;
    for (std::uint32_t n = 1; n <= weight; ++n) {
        best = std::max(best, mix(id ^ mix(seed + n * kStep)));
    }
    return best;
}

std::size_t count_of_weighted(const std::vector<PlacedBroker>& brokers) {
    return static_cast<std::size_t>(
        std::count_if(brokers.begin(), brokers.end(),
                      [](const PlacedBroker& broker) { return broker.weight > 0; }));
}

} // namespace

bool BrokerNumbers::contains(std::size_t broker) const {
    return std::find(begin(), end(), broker) != end();
}

Placement::Placement(const std::vector<PlacedBroker>& brokers, std::uint32_t replicas)
    : replicas_(std::min<std::size_t>(replicas, count_of_weighted(brokers))) {
    ZCOMET_ASSERT(replicas_ > 0 && brokers.size() <= kBrokersMax);
    ZCOMET_ASSERT(replicas >= 1 && replicas <= kReplicasMax);
    for (const PlacedBroker& broker : brokers) {
        ZCOMET_ASSERT(broker.weight <= kWeightMax);
        const auto lower =
            std::count_if(brokers.begin(), brokers.end(), [&broker](const PlacedBroker& other) {
                return other.name < broker.name;
            });
        brokers_.push_back(
            {wire::id_digest(broker.name), broker.weight, static_cast<std::size_t>(lower)});
    }
}

BrokerNumbers Placement::brokers_of(std::string_view id) const {
    BrokerNumbers best;
    if (brokers_.size() == 1) {
        best.add(0);
        return best;
    }
    struct Draw {
        std::uint64_t value = 0;
        std::size_t rank = 0;
        std::size_t broker = 0;

        [[nodiscard]] bool beats(const Draw& other) const {
            return value != other.value ? value > other.value : rank < other.rank;
        }
    };
    std::array<Draw, kReplicasMax> leaders; // the best so far, in their order
    std::size_t count = 0;
    const std::uint64_t digest = wire::id_digest(id);
    for (std::size_t n = 0; n < brokers_.size(); ++n) {
        if (brokers_[n].weight == 0) {
            continue;
        }
        const Draw one{draw(brokers_[n].seed, brokers_[n].weight, digest), brokers_[n].rank, n};
        std::size_t place = count;
        for (; place > 0 && one.beats(leaders[place - 1]); --place) {
            if (place < replicas_) {
                leaders[place] = leaders[place - 1];
            }
        }
        if (place < replicas_) {
            leaders[place] = one;
            count = std::min(count + 1, replicas_);
        }
    }
    for (std::size_t n = 0; n < count; ++n) {
        best.add(leaders[n].broker);
    }
    return best;
}

bool Placement::serves(std::size_t broker, const BrokerSet& alive, std::string_view id) const {
    for (const std::size_t one : brokers_of(id)) {
        if (one == broker || alive.test(one)) {
            return one == broker;
        }
    }
    return false;
}

bool Placement::covers_every_id(const BrokerSet& some) const {
    std::size_t others = 0;
    for (std::size_t n = 0; n < brokers_.size(); ++n) {
        others += brokers_[n].weight > 0 && !some.test(n) ? 1 : 0;
    }
    return others < replicas_;
}

} // namespace zcomet::cluster
