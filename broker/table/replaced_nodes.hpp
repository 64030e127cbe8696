// Nodes whose name a newer process has taken. Each is told so, whatever it sends.
#pragma once

#include "topology/store/text_map.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace zcomet::broker::table {

/// Remembers the last kRemembered nodes. A forgotten one is a stranger again, and its next HELLO
/// would replace its replacement. By then it has long been told what is wrong.
class ReplacedNodes {
  public:
    /// @limit replaced nodes that a broker remembers
    static constexpr std::size_t kRemembered = 4096;

    void add(std::uint64_t incarnation, const std::string& connection) {
        forget(incarnation);
        if (order_.size() == kRemembered) {
            forget(order_.front());
        }
        order_.push_back(incarnation);
        connection_of_[incarnation] = connection;
        connections_[connection] = incarnation;
    }

    /// The node was admitted again.
    void forget(std::uint64_t incarnation) {
        const auto known = connection_of_.find(incarnation);
        if (known == connection_of_.end()) {
            return;
        }
        // A connection that has spoken for several nodes belongs to the last one.
        const auto connection = connections_.find(known->second);
        if (connection != connections_.end() && connection->second == incarnation) {
            connections_.erase(connection);
        }
        connection_of_.erase(known);
        std::erase(order_, incarnation);
    }

    [[nodiscard]] bool has_incarnation(std::uint64_t incarnation) const {
        return connection_of_.contains(incarnation);
    }
    [[nodiscard]] bool has_connection(std::string_view connection) const {
        return connections_.contains(connection);
    }

  private:
    std::deque<std::uint64_t> order_;
    absl::flat_hash_map<std::uint64_t, std::string> connection_of_;
    store::TextMap<std::uint64_t> connections_;
};

} // namespace zcomet::broker::table
