// Which of a cluster's brokers know an id: rendezvous hashing over the brokers' names (Thaler and
// Ravishankar, "Using name-based mappings to increase hit rates", 1998). docs/PROTOCOL.md, section
// 9, has it byte by byte.
//
// Each broker draws a number for the id, and those with the highest know it. So whoever has the
// same list comes to the same result, and a list with one broker more or less moves only the ids
// that must move.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::cluster {

/// @limit brokers of a cluster
inline constexpr std::size_t kBrokersMax = 64;
/// @limit brokers that know an id
inline constexpr std::uint32_t kReplicasMax = 4;
inline constexpr std::uint32_t kReplicasDefault = 2;
/// @limit weight of a broker
inline constexpr std::uint32_t kWeightMax = 16;

struct PlacedBroker {
    std::string name; ///< unique in the cluster
    /// 1 to kWeightMax: its share of the ids, beside those of others. 0: it has a number, and no
    /// ids.
    std::uint32_t weight = 1;
};

/// Some brokers of a cluster, by their numbers in the list.
using BrokerSet = std::bitset<kBrokersMax>;

/// The same, in an order: at most those of an id by two placements.
class BrokerNumbers {
  public:
    void add(std::size_t broker) { numbers_[count_++] = static_cast<std::uint8_t>(broker); }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::size_t front() const { return numbers_.front(); }
    [[nodiscard]] const std::uint8_t* begin() const { return numbers_.data(); }
    [[nodiscard]] const std::uint8_t* end() const { return numbers_.data() + count_; }
    [[nodiscard]] bool contains(std::size_t broker) const;

  private:
    std::array<std::uint8_t, std::size_t{2} * kReplicasMax> numbers_{};
    std::uint8_t count_ = 0;
};

/// Brokers are numbered in the order in which a program was told of them, which changes nothing
/// about who knows an id.
///
/// Pure. Thread: any, once it is made.
class Placement {
  public:
    /// Of a single broker.
    Placement() : Placement({{"", 1}}, 1) {}
    /// @param brokers   1 to kBrokersMax; one at least has a weight. Those that have one have names
    ///     of their own.
    /// @param replicas  1 to kReplicasMax: so many of them know an id, if there are so many.
    Placement(const std::vector<PlacedBroker>& brokers, std::uint32_t replicas);

    /// How many have numbers.
    [[nodiscard]] std::size_t brokers() const { return brokers_.size(); }
    /// How many brokers know an id.
    [[nodiscard]] std::size_t replicas() const { return replicas_; }
    /// The brokers at which a node logs `id` in. Senders send to the first of them that is alive.
    /// Cost: no allocation; a hash of the id, and a few multiplications for each unit of weight.
    /// One broker costs nothing.
    [[nodiscard]] BrokerNumbers brokers_of(std::string_view id) const;
    /// Whether senders send messages to `id` by way of `broker`.
    /// @param alive  the brokers that are; `broker` need not be among them.
    [[nodiscard]] bool serves(std::size_t broker, const BrokerSet& alive,
                              std::string_view id) const;
    /// Whether every id has one of `some` among its brokers: fewer of the others than know an id.
    [[nodiscard]] bool covers_every_id(const BrokerSet& some) const;

  private:
    struct Broker {
        std::uint64_t seed = 0; // of its name
        std::uint32_t weight = 1;
        std::size_t rank = 0; // of its name among the names: decides between equal draws
    };

    std::vector<Broker> brokers_;
    std::size_t replicas_;
};

} // namespace zcomet::cluster
