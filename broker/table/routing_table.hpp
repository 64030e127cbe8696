// The routing table: which nodes hold an id, and which ids a node holds.
//
// Each pair of an id and a node that holds it is one record of 24 bytes, a link. A link is in two
// doubly linked lists: that of its id and that of its node. With the id's text and its slot in the
// hash table (topology/store/id_table.hpp) an id on one node costs 58 to 65 bytes, so ten million
// ids on a hundred nodes fit in one gigabyte.
//
// A node may lose a million ids at once, when it leaves or sends a list that does not name them.
// The table then changes one entry, the marks of the node (broker/table/link_marks.hpp), by which
// the links become void. Lookups skip void links, and reclaim() gives back their memory, as many at
// a time as its caller has time for.
#pragma once

#include "broker/table/link_marks.hpp"
#include "topology/store/id_table.hpp"
#include "topology/store/slab.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet::broker::table {

/// Index of a node. It should be small: the table keeps a few bytes for each index up to the
/// highest.
using NodeIndex = std::uint32_t;

/// Thread:  one at a time.   Errors: none.
class RoutingTable {
  public:
    static constexpr NodeIndex kNodeIndexMax = (NodeIndex{1} << 30U) - 1;

    /// `node` holds `id` from now on.
    /// @param node  must not have been removed, unless its index is free again.
    /// @param id    valid (topology/wire/id.hpp); copied if it is new.
    /// @return false if the node held it already.
    /// Cost:  one hash, and a step for each node that holds the id, or for each id of the node,
    ///        whichever are fewer.
    bool login(NodeIndex node, std::string_view id);

    /// @return false if `node` did not hold `id`.   Cost: as login().
    bool logout(NodeIndex node, std::string_view id);

    /// Logs out all ids of `node`. Its index is taken until its links are reclaimed.
    /// @return whether the index is free at once, since the node has no links.   Cost: O(1).
    [[nodiscard]] bool remove_node(NodeIndex node);

    /// The first of three steps that make the ids of `node` exactly those of a list. The second is
    /// login() of each id, the third end_list(). An id that was logged in before and is in the list
    /// stays logged in throughout. An earlier list that has not ended is forgotten, and the ids
    /// that it named stay logged in.
    /// Cost: O(1); O(links of the node) if two lists or more were begun while its links wait for
    /// reclaim().
    void begin_list(NodeIndex node);
    /// Logs out the ids that were not logged in again since begin_list().   Cost: O(1).
    void end_list(NodeIndex node);

    /// Whether reclaim() has anything to do.
    [[nodiscard]] bool has_to_reclaim() const {
        return has_queued() || links_.has_to_give_back() || ids_.has_to_give_back();
    }
    /// Looks at `links_max` links of nodes that lost ids, one node after the other, and gives back
    /// the memory of void links. Calls `on_free(NodeIndex)` for each removed node that has no links
    /// any more: its index may be used again. Cost: O(links_max), some 0.5 µs for each.
    template <typename OnFree> void reclaim(std::uint32_t links_max, OnFree&& on_free) {
        links_.give_back(kChunksPerReclaim);
        ids_.give_back(kChunksPerReclaim);
        while (has_queued()) {
            const NodeIndex node = first_queued_;
            links_max -= reclaim_links(node, links_max);
            if (nodes_[node].reclaim_next != store::kNoIndex) {
                return;
            }
            if (leave_queue()) {
                on_free(node);
            }
        }
    }

    /// Calls `visit(NodeIndex)` for each node that holds `id`; the table must not change meanwhile.
    /// @return how many there are.   Cost: one hash, no allocation.
    template <typename Visit>
    std::uint32_t for_each_node(std::string_view id, Visit&& visit) const {
        const std::optional<store::IdIndex> index = ids_.find(id);
        if (!index) {
            return 0;
        }
        const bool may_be_void = has_queued(); // if not, the usual case, no entry is read
        std::uint32_t nodes = 0;
        for (LinkIndex i = first_of_id_[*index]; i != store::kNoIndex; i = links_[i].id_next) {
            const Link& link = links_[i];
            if (!may_be_void || nodes_[link.node].is_held(link)) {
                visit(NodeIndex{link.node});
                ++nodes;
            }
        }
        return nodes;
    }

    /// Whether `node` holds `id`.   Cost: as login().
    [[nodiscard]] bool holds(NodeIndex node, std::string_view id) const;
    /// How many ids all nodes hold together. An id on two nodes counts twice.
    [[nodiscard]] std::uint64_t held_count() const { return held_count_; }
    /// How many ids `node` holds.
    [[nodiscard]] std::uint32_t id_count(NodeIndex node) const;
    /// The digest of the ids that `node` holds (topology/wire/id_digest.hpp).
    [[nodiscard]] std::uint64_t digest(NodeIndex node) const;
    /// How many different ids the table has. While there is something to reclaim, that includes ids
    /// of which only void links are left.
    [[nodiscard]] std::uint32_t id_count() const { return ids_.size(); }
    /// Bytes taken, without the allocator's own.
    [[nodiscard]] std::size_t memory_bytes() const;

  private:
    using LinkIndex = std::uint32_t;
    /// One id on one node.
    struct Link {
        store::IdIndex id;
        NodeIndex node : 30;
        std::uint32_t mark : LinkMarks::kBits;
        LinkIndex id_next;
        LinkIndex id_previous;
        LinkIndex node_next;
        LinkIndex node_previous;
    };
    static_assert(sizeof(Link) == 24);
    struct IdSum {
        std::uint64_t digest = 0;
        std::uint32_t count = 0;
        void add(std::uint64_t id_digest) {
            digest += id_digest;
            ++count;
        }
        void subtract(std::uint64_t id_digest) {
            digest -= id_digest;
            --count;
        }
    };
    struct NodeEntry {
        IdSum ids;    ///< those that the node holds
        IdSum marked; ///< those whose link bears the current mark: all, or those a list has named
        LinkIndex first = store::kNoIndex;
        LinkIndex reclaim_next = store::kNoIndex; ///< the link that reclaim() looks at next
        NodeIndex queued_after = store::kNoIndex; ///< the next node in the queue
        LinkMarks marks;                          ///< the node is in the queue if they have a pass

        [[nodiscard]] bool is_held(const Link& link) const { return marks.is_held(link.mark); }
    };

    /// Chunks of empty tables that go back to the system in a reclaim(), of each of two tables.
    static constexpr std::size_t kChunksPerReclaim = 32;

    [[nodiscard]] bool has_queued() const { return first_queued_ != store::kNoIndex; }
    [[nodiscard]] LinkIndex find_link(store::IdIndex id, NodeIndex node) const;
    [[nodiscard]] NodeEntry& entry(NodeIndex node);
    void insert_link(NodeIndex node, store::IdIndex id);
    void unlink(LinkIndex index);
    void enqueue(NodeIndex node);
    std::uint32_t reclaim_links(NodeIndex node, std::uint32_t links_max);
    bool leave_queue();

    store::IdTable ids_{store::WhenEmpty::kGiveBackInSlices};
    store::ChunkedArray<LinkIndex> first_of_id_; // by IdIndex
    store::Slab<Link> links_{store::WhenEmpty::kGiveBackInSlices};
    store::ChunkedArray<NodeEntry> nodes_; // by NodeIndex
    NodeIndex node_bound_ = 0;
    std::uint64_t held_count_ = 0;
    NodeIndex first_queued_ = store::kNoIndex; // the nodes whose links reclaim() looks at
    NodeIndex last_queued_ = store::kNoIndex;
};

} // namespace zcomet::broker::table
