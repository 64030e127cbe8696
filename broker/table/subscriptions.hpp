// The subscriptions to the topics of nodes, as the XPUB tells of them. A subscription often comes
// before the node's HELLO, and a second one while a node's old connection is not yet gone. The
// count may be too low: libzmq also tells of the end of subscriptions that never began.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet::broker::table {

/// Counts the subscriptions of each topic that can be a node's. Such a topic is the node's
/// incarnation, eight bytes.
class Subscriptions {
  public:
    explicit Subscriptions(std::size_t topics_max) : topics_max_(topics_max) {}

    /// Topics that are known already stay, however many there are.
    void set_topics_max(std::size_t topics_max) { topics_max_ = topics_max; }

    /// @return the incarnation of the node whose topic it is; absent if no node can have it.
    [[nodiscard]] static std::optional<std::uint64_t> incarnation_of(std::string_view topic) {
        if (topic.size() != sizeof(std::uint64_t)) {
            return std::nullopt;
        }
        std::uint64_t value = 0;
        for (const char byte : topic) {
            value = (value << 8U) | static_cast<unsigned char>(byte);
        }
        return value;
    }

    /// @param is_known  whether the node has said HELLO. There is as much room again for such
    /// nodes,
    ///     so that a stranger's subscriptions to very many topics keep no node from its feed.
    /// @return false, and nothing changed, if there are too many topics, or none was subscribed.
    bool change(std::uint64_t incarnation, bool subscribed, bool is_known) {
        const auto known = counts_.find(incarnation);
        if (subscribed) {
            if (known != counts_.end()) {
                ++known->second;
                return true;
            }
            if (counts_.size() >= (is_known ? 2 * topics_max_ : topics_max_)) {
                return false;
            }
            counts_.emplace(incarnation, 1U);
            return true;
        }
        if (known == counts_.end()) {
            return false;
        }
        if (--known->second == 0) {
            counts_.erase(known);
        }
        return true;
    }

    [[nodiscard]] bool has(std::uint64_t incarnation) const {
        return counts_.contains(incarnation);
    }

  private:
    std::size_t topics_max_;
    absl::flat_hash_map<std::uint64_t, std::uint32_t> counts_;
};

} // namespace zcomet::broker::table
