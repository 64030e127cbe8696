// What the checks have seen of each process of a simulated cluster, and of each feed.
#pragma once

#include "topology/base/time.hpp"
#include "topology/history/cursor.hpp"
#include "topology/wire/frames.hpp"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::sim {

/// Index of an id among those of the schedule.
using IdNumber = std::uint32_t;
/// Nodes by the number in their name, as bits.
using NodeSet = std::uint64_t;

[[nodiscard]] inline NodeSet bit_of(unsigned slot) {
    return NodeSet{1} << slot;
}

/// The number in a node's name: 3 for "n3".
[[nodiscard]] inline unsigned slot_of(std::string_view name) {
    unsigned slot = 0;
    for (const char digit : name.substr(1)) {
        slot = slot * 10 + static_cast<unsigned>(digit - '0');
    }
    return slot;
}

/// One process that sends.
struct SenderAccount {
    std::uint64_t incarnation = 0;
    std::uint32_t index = 0;
    std::vector<std::uint64_t> messages; ///< by number, from 1: those it accepted
    std::uint64_t taken_in = 0;          ///< how many of them a broker took in
    std::uint64_t last_sent = 0;         ///< the highest number in a SEND frame
    std::uint64_t last_taken_in = 0;     ///< the highest number that a broker took in
};

/// What a sender gives its session.
struct Post {
    IdNumber id = 0;
    std::size_t filler_bytes = 0;
    wire::Confirm confirm = wire::Confirm::kNothing;
    std::uint64_t copy_of = 0; ///< the message of another sender that this one is, too; 0: none
};

/// A client's stream of ids of which some have a history, over all its visits to nodes.
struct StreamAccount {
    std::uint32_t index = 0;
    std::vector<IdNumber> ids;
    struct NodeAccount* node = nullptr; ///< nullptr: it is away
    bool has_bad_cursor = false;        ///< its client hands back nonsense this time
    bool is_owed = false;               ///< it was told where it is, or came with a cursor
    bool is_resumed = false;            ///< it came with a cursor, and was told nothing yet
    /// What it was told or shown last; epoch 0: nothing yet. If is_owed, all that is kept of its
    /// ids after this is owed to it. Before that it may be shown what its node had under way.
    history::Cursor cursor;
    absl::flat_hash_set<std::uint64_t> shown; ///< messages
};

/// What one broker has kept.
struct Epoch {
    struct Kept {
        std::uint64_t position = 0;
        std::uint64_t message = 0;
        Time at;
    };
    std::uint64_t number = 0;
    std::uint64_t unix_ms = 0; ///< when the broker began, by its system's clock
    Time began;
    std::uint64_t last = 0; ///< position, of all ids
    std::vector<std::vector<Kept>> by_id;
};

/// What a calm moment has shown about an id on a node.
enum class Presence : std::uint8_t { kUnknown, kHeld, kNotHeld };

/// One process that shows messages.
struct NodeAccount {
    unsigned slot = 0; ///< the number in its name
    std::uint64_t incarnation = 0;
    std::vector<Presence> presence;                               ///< by IdNumber
    absl::flat_hash_map<std::uint64_t, std::uint64_t> last_shown; ///< by sender and id
    absl::flat_hash_set<std::uint64_t> awaited_shown; ///< messages that await an acknowledgement
    /// Of messages with keys: the broker's epoch, and what was shown of it.
    absl::flat_hash_set<std::pair<std::uint64_t, std::uint64_t>> keyed_shown;
};

/// One broker's record of one node, while it knows the node.
struct Feed {
    NodeAccount* node = nullptr;
    std::uint64_t incarnation = 0;
    std::vector<std::uint64_t> routed;    ///< messages or copies, in the broker's order
    std::size_t applied = 0;              ///< of those: shown, shown before, or known to be lost
    std::uint64_t shown_before = 0;       ///< of the frame that the node is taking in
    std::uint64_t shed = 0;               ///< counted by the broker
    std::uint64_t lost = 0;               ///< counted by the node
    std::vector<std::size_t> batch_bytes; ///< by number, from 1: those published
    std::uint64_t acknowledged = 0;
    std::size_t unacknowledged_bytes = 0;
    std::uint64_t epoch = 0;         ///< of the broker's history
    Time published_at = Time::min(); ///< when anything was published last
    bool ended = false;              ///< its broker died, or has forgotten the node
};

} // namespace zcomet::sim
