#include "broker/table/routing_table.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/id_digest.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace zcomet::broker::table {

std::uint8_t RoutingTable::NodeEntry::older_mark() const {
    const auto others = static_cast<Marks>(held & ~only(mark));
    return others == 0 ? mark : static_cast<std::uint8_t>(std::countr_zero(others));
}

bool RoutingTable::login(NodeIndex node, std::string_view id) {
    NodeEntry& holder = entry(node);
    ZCOMET_ASSERT(holder.held != 0);
    const store::IdTable::Interned interned = ids_.intern(id);
    if (interned.is_new) {
        first_of_id_.grow(ids_.index_bound(), store::kNoIndex);
        first_of_id_[interned.index] = store::kNoIndex;
    } else if (const LinkIndex known = find_link(interned.index, node); known != store::kNoIndex) {
        Link& link = links_[known];
        if (link.mark == holder.mark) {
            return false;
        }
        const bool was_held = holder.is_held(link);
        const std::uint64_t digest = wire::id_digest(id);
        if (!was_held) {
            holder.ids.add(digest);
            ++held_count_;
        }
        holder.marked.add(digest);
        link.mark = holder.mark & kMarkMax;
        return !was_held;
    }
    insert_link(node, interned.index);
    return true;
}

bool RoutingTable::logout(NodeIndex node, std::string_view id) {
    const std::optional<store::IdIndex> index = ids_.find(id);
    const LinkIndex known = index ? find_link(*index, node) : store::kNoIndex;
    if (known == store::kNoIndex || !nodes_[node].is_held(links_[known])) {
        return false;
    }
    NodeEntry& holder = nodes_[node];
    const std::uint64_t digest = wire::id_digest(id);
    holder.ids.subtract(digest);
    --held_count_;
    if (links_[known].mark == holder.mark) {
        holder.marked.subtract(digest);
    }
    unlink(known);
    return true;
}

bool RoutingTable::remove_node(NodeIndex node) {
    NodeEntry& gone = entry(node);
    held_count_ -= gone.ids.count;
    gone.held = 0;
    gone.ids = {};
    gone.marked = {};
    if (gone.first == store::kNoIndex && gone.passes == 0) {
        gone = NodeEntry{};
        return true;
    }
    enqueue(node);
    return false;
}

void RoutingTable::begin_list(NodeIndex node) {
    NodeEntry& lister = entry(node);
    ZCOMET_ASSERT(lister.held != 0);
    if (lister.used == kAllMarks) {
        // Several lists were begun and not ended since reclaim() last came to the node's end.
        lister.reclaim_next = lister.first;
        lister.passes = 1;
        static_cast<void>(reclaim_links(node, UINT32_MAX));
    }
    // From now on no id of the node bears its mark, until the list names it.
    lister.mark = static_cast<std::uint8_t>(std::countr_one(lister.used));
    lister.used |= only(lister.mark);
    lister.held |= only(lister.mark);
    lister.marked = {};
    if (lister.passes > 0 || std::popcount(lister.used) > 2) {
        enqueue(node);
    }
}

void RoutingTable::end_list(NodeIndex node) {
    NodeEntry& lister = entry(node);
    const bool named_all = lister.marked.count == lister.ids.count;
    held_count_ -= lister.ids.count - lister.marked.count;
    lister.ids = lister.marked;
    lister.held = only(lister.mark);
    if (named_all && lister.passes == 0) {
        lister.used = lister.held;
    } else {
        enqueue(node);
    }
}

bool RoutingTable::holds(NodeIndex node, std::string_view id) const {
    const std::optional<store::IdIndex> index = ids_.find(id);
    const LinkIndex known = index ? find_link(*index, node) : store::kNoIndex;
    return known != store::kNoIndex && nodes_[node].is_held(links_[known]);
}

std::uint32_t RoutingTable::id_count(NodeIndex node) const {
    return node < node_bound_ ? nodes_[node].ids.count : 0;
}

std::uint64_t RoutingTable::digest(NodeIndex node) const {
    return node < node_bound_ ? nodes_[node].ids.digest : 0;
}

std::size_t RoutingTable::memory_bytes() const {
    return ids_.memory_bytes() + first_of_id_.memory_bytes() + links_.memory_bytes() +
           nodes_.memory_bytes();
}

RoutingTable::LinkIndex RoutingTable::find_link(store::IdIndex id, NodeIndex node) const {
    LinkIndex i = first_of_id_[id];
    while (i != store::kNoIndex && links_[i].node != node) {
        i = links_[i].id_next;
    }
    return i;
}

RoutingTable::NodeEntry& RoutingTable::entry(NodeIndex node) {
    ZCOMET_ASSERT(node <= kNodeIndexMax);
    nodes_.grow(node + 1, NodeEntry{});
    node_bound_ = std::max(node_bound_, node + 1);
    return nodes_[node];
}

void RoutingTable::insert_link(NodeIndex node, store::IdIndex id) {
    NodeEntry& holder = entry(node);
    LinkIndex& id_first = first_of_id_[id];
    Link link{};
    link.id = id;
    link.node = node & kNodeIndexMax;
    link.mark = holder.mark & kMarkMax;
    link.id_next = id_first;
    link.id_previous = store::kNoIndex;
    link.node_next = holder.first;
    link.node_previous = store::kNoIndex;
    const LinkIndex index = links_.add(link);
    if (id_first != store::kNoIndex) {
        links_[id_first].id_previous = index;
    }
    if (holder.first != store::kNoIndex) {
        links_[holder.first].node_previous = index;
    }
    id_first = index;
    holder.first = index;
    const std::uint64_t digest = wire::id_digest(ids_.name(id));
    holder.ids.add(digest);
    holder.marked.add(digest);
    ++held_count_;
}

void RoutingTable::unlink(LinkIndex index) {
    const Link link = links_[index];
    NodeEntry& holder = nodes_[link.node];
    (link.id_previous == store::kNoIndex ? first_of_id_[link.id]
                                         : links_[link.id_previous].id_next) = link.id_next;
    if (link.id_next != store::kNoIndex) {
        links_[link.id_next].id_previous = link.id_previous;
    }
    (link.node_previous == store::kNoIndex ? holder.first : links_[link.node_previous].node_next) =
        link.node_next;
    if (link.node_next != store::kNoIndex) {
        links_[link.node_next].node_previous = link.node_previous;
    }
    if (holder.reclaim_next == index) {
        holder.reclaim_next = link.node_next;
    }
    links_.release(index);
    if (first_of_id_[link.id] == store::kNoIndex) {
        ids_.release(link.id);
    }
}

/// All links of `node` are to be looked at. If that is under way it comes to its end first, and is
/// done again when the other nodes had their turns: who begins lists all the time holds up nobody.
void RoutingTable::enqueue(NodeIndex node) {
    NodeEntry& queued = nodes_[node];
    if (queued.passes > 0) {
        queued.passes = 2;
        return;
    }
    queued.passes = 1;
    queued.reclaim_next = queued.first;
    (last_queued_ == store::kNoIndex ? first_queued_ : nodes_[last_queued_].queued_after) = node;
    last_queued_ = node;
}

/// Goes on with the links of `node`, to the last one if `links_max` allows it. After a pass in
/// which no list began or ended, none is void any more, and they bear one mark, or two while a list
/// is under way.
/// @return how many links it looked at.
std::uint32_t RoutingTable::reclaim_links(NodeIndex node, std::uint32_t links_max) {
    NodeEntry& queued = nodes_[node];
    const std::uint8_t older = queued.older_mark();
    std::uint32_t links = 0;
    for (; links < links_max && queued.reclaim_next != store::kNoIndex; ++links) {
        const LinkIndex index = queued.reclaim_next;
        Link& link = links_[index];
        queued.reclaim_next = link.node_next;
        if (!queued.is_held(link)) {
            unlink(index);
        } else if (link.mark != queued.mark) {
            link.mark = older & kMarkMax;
        }
    }
    if (queued.reclaim_next == store::kNoIndex && queued.passes == 1 && queued.held != 0) {
        queued.held = static_cast<Marks>(only(queued.mark) | only(older));
        queued.used = queued.held;
    }
    return links;
}

/// Takes the first node out of the queue, or to its end for another pass.
/// @return whether its index is free, since it was removed.
bool RoutingTable::leave_queue() {
    const NodeIndex node = first_queued_;
    NodeEntry& done = nodes_[node];
    first_queued_ = std::exchange(done.queued_after, store::kNoIndex);
    if (first_queued_ == store::kNoIndex) {
        last_queued_ = store::kNoIndex;
    }
    if (std::exchange(done.passes, 0) > 1) {
        enqueue(node);
        return false;
    }
    if (done.held != 0) {
        return false;
    }
    done = NodeEntry{};
    return true;
}

} // namespace zcomet::broker::table
