// The memory of a broker in sum, beside its one bound (`--memory-max`).
#pragma once

#include "topology/feed/feed_writer.hpp"

#include <cstddef>
#include <cstdint>

namespace zcomet::broker::router {

/// Queues to peers may take this part of the memory, one in, before they are cut short.
/// @limit part of a broker's memory for what peers have not read yet, one in
inline constexpr std::uint64_t kQueuesPart = 8;

/// What the parts of a broker take, without what the allocator adds. The feeds' part is always up
/// to date; the others are as of the last turn, since a turn adds little to them.
struct Memory {
    feed::FeedSum feeds;     ///< batches that are kept for nodes
    std::size_t awaited = 0; ///< copies of acknowledged sends
    std::size_t tables = 0;  ///< ids, and which node holds which; keys of messages
    std::size_t waiting = 0; ///< frames of nodes that wait for a later turn
    std::size_t queues = 0;  ///< what the host has not passed on to the peers yet

    [[nodiscard]] std::uint64_t used() const {
        return feeds.bytes + awaited + tables + waiting + queues;
    }
};

} // namespace zcomet::broker::router
