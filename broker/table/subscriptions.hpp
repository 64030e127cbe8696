// The subscriptions to the topics of nodes, as the XPUB tells of them. A subscription often comes
// before the node's HELLO, and a second one while a node's old connection is not yet gone. The
// count may be too low: libzmq also tells of the end of subscriptions that never began.
#pragma once

#include "topology/keys/key_ring.hpp"

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
    /// @param key  of the subscriber; nullptr: no keys are used. What is subscribed first makes the
    ///     topic the key's own.
    /// @return false, and nothing changed, if there are too many topics, or none was subscribed.
    bool change(std::uint64_t incarnation, bool subscribed, bool is_known,
                const keys::KnownKey* key = nullptr) {
        const auto known = topics_.find(incarnation);
        if (subscribed) {
            if (known != topics_.end()) {
                ++known->second.count;
                return true;
            }
            if (topics_.size() >= (is_known ? 2 * topics_max_ : topics_max_)) {
                return false;
            }
            topics_.emplace(incarnation, Topic{1, key});
            return true;
        }
        if (known == topics_.end()) {
            return false;
        }
        if (--known->second.count == 0) {
            topics_.erase(known);
        }
        return true;
    }

    [[nodiscard]] bool has(std::uint64_t incarnation) const {
        return topics_.contains(incarnation);
    }
    /// Whose the topic is; nullptr: nobody's.
    [[nodiscard]] const keys::KnownKey* owner_of(std::uint64_t incarnation) const {
        const auto known = topics_.find(incarnation);
        return known == topics_.end() ? nullptr : known->second.key;
    }

  private:
    std::size_t topics_max_;
    struct Topic {
        std::uint32_t count = 0;
        const keys::KnownKey* key = nullptr;
    };
    absl::flat_hash_map<std::uint64_t, Topic> topics_;
};

} // namespace zcomet::broker::table
