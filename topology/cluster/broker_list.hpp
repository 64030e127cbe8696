// The brokers of a cluster, as a program is told of them: by its options, or by a cluster file.
#pragma once

#include "topology/base/result.hpp"
#include "topology/cluster/placement.hpp"
#include "topology/wire/frames.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::cluster {

struct ListedBroker {
    /// By which ids are placed: each program of a cluster must know it by the same one.
    std::string name;
    std::string endpoint; ///< "tcp://HOST:PORT", for connecting
    std::uint32_t weight = 1;

    friend bool operator==(const ListedBroker&, const ListedBroker&) = default;
};

/// Reads "[NAME[*WEIGHT]=][tcp://]HOST:PORT". Without a name its endpoint is the name.
/// Errors: one sentence.
[[nodiscard]] Result<ListedBroker> read_broker(std::string_view text);
/// What read_broker() reads.
[[nodiscard]] std::string text_of(const ListedBroker& broker);

/// @limit bytes of a broker's name in a list
inline constexpr std::size_t kBrokerNameBytesMax = 48;
/// Why a text is no name of a broker.   @return one sentence; empty: it is one.
[[nodiscard]] std::string why_no_broker_name(std::string_view name);

struct BrokerList {
    std::vector<ListedBroker> brokers; ///< at least one
    std::uint32_t replicas = kReplicasDefault;
    /// Rises with each change by the operator; 0: nobody counts.
    std::uint64_t version = 0;

    BrokerList() = default;
    /// Of brokers whose names are their endpoints, "tcp://HOST:PORT".
    BrokerList(std::initializer_list<std::string> endpoints);
    explicit BrokerList(const std::vector<std::string>& endpoints);

    [[nodiscard]] Placement placement() const;
    /// By which other processes know it. Without a version there is no hash.
    [[nodiscard]] wire::ListMark mark() const;
    /// The endpoints, with commas between them, for a log line.
    [[nodiscard]] std::string text() const;
};

/// Reads what --broker was given.
/// @param replicas  1 to kReplicasMax.
/// Errors: as read_broker(); two have the same name or endpoint; there are more than kBrokersMax.
[[nodiscard]] Result<BrokerList> read_broker_list(const std::vector<std::string>& texts,
                                                  std::uint32_t replicas = kReplicasDefault);

} // namespace zcomet::cluster
