// Who is where: id → nodes and node → ids, many of each for each.
//
// Every pair of an id and a node that holds it is one record of 24 bytes, in two doubly linked
// lists at once: that of its id and that of its node. With the id's text and its slot in the hash
// table (topology/id_table.hpp) an id on one node costs 58 to 65 bytes: ten million ids on a
// hundred nodes fit in one gigabyte.
#pragma once

#include "topology/id_table.hpp"
#include "topology/slab.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet {

/// Index of a node; small, since the table keeps a few bytes for each up to the highest.
using NodeIndex = std::uint32_t;

/// Thread:  one at a time.   Errors: none.
class RoutingTable {
  public:
    static constexpr NodeIndex kNodeIndexMax = (NodeIndex{1} << 31U) - 1;

    /// `node` holds `id` from now on.
    /// @param id  valid (topology/id.hpp); copied if it is new.
    /// @return false if it did already.
    /// Cost:  one hash, and a step for each node that holds the id.
    bool login(NodeIndex node, std::string_view id);

    /// @return false if `node` did not hold `id`.   Cost: as login().
    bool logout(NodeIndex node, std::string_view id);

    /// Logs out all ids of `node`.   Cost: O(its ids).
    void remove_node(NodeIndex node);

    /// The first of the three steps that make the ids of `node` exactly those of a list. A list
    /// that was begun before and not ended is forgotten; what it named stays logged in.
    /// Cost: O(1), O(ids of the node) if a list is forgotten.
    void begin_list(NodeIndex node);
    /// `id` is in the list: logged in if it was not, and otherwise without interruption. Between
    /// begin_list() and end_list(), login() does the same.
    void list(NodeIndex node, std::string_view id) { (void)login(node, id); }
    /// Logs out what the list did not name.   Cost: O(ids of the node).
    void end_list(NodeIndex node);

    /// Calls `visit(NodeIndex)` for each node that holds `id`; the table must not change meanwhile.
    /// @return how many there are.   Cost: one hash, no allocation.
    template <typename Visit>
    std::uint32_t for_each_node(std::string_view id, Visit&& visit) const {
        const std::optional<IdIndex> index = ids_.find(id);
        if (!index) {
            return 0;
        }
        std::uint32_t nodes = 0;
        for (LinkIndex i = first_of_id_[*index]; i != kNoIndex; i = links_[i].id_next) {
            visit(NodeIndex{links_[i].node});
            ++nodes;
        }
        return nodes;
    }

    /// Calls `visit(std::string_view id)` for each id of `node`; the table must not change
    /// meanwhile.
    template <typename Visit> void for_each_id(NodeIndex node, Visit&& visit) const {
        for (LinkIndex i = first_of_node(node); i != kNoIndex; i = links_[i].node_next) {
            visit(ids_.name(links_[i].id));
        }
    }

    /// How many ids `node` holds.
    [[nodiscard]] std::uint32_t id_count(NodeIndex node) const;
    /// Of the ids that `node` holds: topology/id_digest.hpp.
    [[nodiscard]] std::uint64_t digest(NodeIndex node) const;
    /// How many different ids are held by any node.
    [[nodiscard]] std::uint32_t id_count() const { return ids_.size(); }
    /// Bytes taken, without what the allocator adds.
    [[nodiscard]] std::size_t memory_bytes() const;

  private:
    using LinkIndex = std::uint32_t;
    /// One id on one node.
    struct Link {
        IdIndex id;
        NodeIndex node : 31;
        /// Equals the node's mark if the present list has named the id, or no list is under way.
        std::uint32_t mark : 1;
        LinkIndex id_next;
        LinkIndex id_previous;
        LinkIndex node_next;
        LinkIndex node_previous;
    };
    static_assert(sizeof(Link) == 24);
    struct NodeEntry {
        std::uint64_t digest = 0;
        LinkIndex first = kNoIndex;
        std::uint32_t ids = 0;
        std::uint32_t mark = 0;
        bool list_under_way = false;
    };

    [[nodiscard]] LinkIndex first_of_node(NodeIndex node) const;
    [[nodiscard]] LinkIndex find_link(IdIndex id, NodeIndex node) const;
    [[nodiscard]] NodeEntry& entry(NodeIndex node);
    void insert_link(NodeIndex node, IdIndex id);
    void remove_link(LinkIndex index);

    IdTable ids_;
    ChunkedArray<LinkIndex> first_of_id_; // by IdIndex
    Slab<Link> links_;
    ChunkedArray<NodeEntry> nodes_; // by NodeIndex
    NodeIndex node_bound_ = 0;
};

} // namespace zcomet
