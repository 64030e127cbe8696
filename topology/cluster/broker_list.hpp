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

/// What becomes of a broker by a change of the list that is under way.
enum class Change : std::uint8_t { kNone, kAdd, kRemove };

/// How far a change of the list has come. Each step has a version of the list. At any time some
/// processes know the step before, and senders must send where nodes of either step are logged in.
enum class Moving : std::uint8_t {
    kNothing, ///< nothing changes
    kNodes,   ///< nodes log in by the list before and the one after; senders go by the one before
    kSenders, ///< nodes as with kNodes; senders go by the list after
};

struct ListedBroker {
    /// By which ids are placed: each program of a cluster must know it by the same one.
    std::string name;
    std::string endpoint; ///< "tcp://HOST:PORT", for connecting
    std::uint32_t weight = 1;
    Change change = Change::kNone;

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
    /// At least one; those that are added and those that are removed are among them.
    std::vector<ListedBroker> brokers;
    std::uint32_t replicas = kReplicasDefault;
    /// Rises with each change by the operator; 0: nobody counts.
    std::uint64_t version = 0;
    Moving moving = Moving::kNothing; ///< else some brokers have a change

    BrokerList() = default;
    /// Of brokers whose names are their endpoints, "tcp://HOST:PORT".
    BrokerList(std::initializer_list<std::string> endpoints);
    explicit BrokerList(const std::vector<std::string>& endpoints);

    /// By which other processes know it. Without a version there is no hash.
    [[nodiscard]] wire::ListMark mark() const;
    /// The endpoints, with commas between them, for a log line.
    [[nodiscard]] std::string text() const;

    friend bool operator==(const BrokerList&, const BrokerList&) = default;
};

/// The whole list in one line, for another process of the same build.
[[nodiscard]] std::string line_of(const BrokerList& list);
/// What line_of() has written.   Errors: it is none.
[[nodiscard]] Result<BrokerList> read_line(std::string_view line);

/// The names of the brokers before the change, or after it. Without a change: all.
/// @param without  Change::kAdd: before it; Change::kRemove: after it.
[[nodiscard]] std::vector<std::string> names_without(const BrokerList& list, Change without);

/// Whether nothing is lost while some processes go by `from` and others by `to`: senders of either
/// send where nodes of the other are logged in.
[[nodiscard]] bool is_step(const BrokerList& from, const BrokerList& to);

/// Reads what --broker was given.
/// @param replicas  1 to kReplicasMax.
/// Errors: as read_broker(); two have the same name or endpoint; there are more than kBrokersMax.
[[nodiscard]] Result<BrokerList> read_broker_list(const std::vector<std::string>& texts,
                                                  std::uint32_t replicas = kReplicasDefault);

} // namespace zcomet::cluster
