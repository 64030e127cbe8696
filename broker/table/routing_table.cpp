#include "broker/table/routing_table.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/id_digest.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::broker::table {

bool RoutingTable::login(NodeIndex node, std::string_view id) {
    NodeEntry& holder = entry(node);
    ZCOMET_ASSERT(!holder.marks.is_removed());
    const store::IdTable::Interned interned = ids_.intern(id);
    if (interned.is_new) {
        first_of_id_.grow(ids_.index_bound(), store::kNoIndex);
        first_of_id_[interned.index] = store::kNoIndex;
    } else if (const LinkIndex known = find_link(interned.index, node); known != store::kNoIndex) {
        Link& link = links_[known];
        if (link.mark == holder.marks.current()) {
            return false;
        }
        const bool was_held = holder.is_held(link);
        const std::uint64_t digest = wire::id_digest(id);
        if (!was_held) {
            holder.ids.add(digest);
            ++held_count_;
        }
        holder.marked.add(digest);
        link.mark = holder.marks.current() & LinkMarks::kMarkMax;
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
    if (links_[known].mark == holder.marks.current()) {
        holder.marked.subtract(digest);
    }
    unlink(known);
    return true;
}

bool RoutingTable::remove_node(NodeIndex node) {
    NodeEntry& gone = entry(node);
    held_count_ -= gone.ids.count;
    gone.marks.remove();
    gone.ids = {};
    gone.marked = {};
    if (gone.first == store::kNoIndex && !gone.marks.has_pass()) {
        gone = NodeEntry{};
        return true;
    }
    enqueue(node);
    return false;
}

void RoutingTable::begin_list(NodeIndex node) {
    NodeEntry& lister = entry(node);
    ZCOMET_ASSERT(!lister.marks.is_removed());
    if (lister.marks.is_full()) {
        // Several lists were begun and not ended since reclaim() last came to the node's end.
        lister.reclaim_next = lister.first;
        lister.marks.restart_pass();
        static_cast<void>(reclaim_links(node, UINT32_MAX));
    }
    lister.marked = {};
    if (lister.marks.begin_list()) {
        enqueue(node);
    }
}

void RoutingTable::end_list(NodeIndex node) {
    NodeEntry& lister = entry(node);
    const bool named_all = lister.marked.count == lister.ids.count;
    held_count_ -= lister.ids.count - lister.marked.count;
    lister.ids = lister.marked;
    if (lister.marks.end_list(named_all)) {
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

/// Walks the list of the id and that of the node side by side: the link is in both, and one of them
/// is often short. (An id of all nodes, or a node of very many ids.)
RoutingTable::LinkIndex RoutingTable::find_link(store::IdIndex id, NodeIndex node) const {
    LinkIndex of_id = first_of_id_[id];
    LinkIndex of_node = node < node_bound_ ? nodes_[node].first : store::kNoIndex;
    while (of_id != store::kNoIndex && of_node != store::kNoIndex) {
        const Link& one = links_[of_id];
        if (one.node == node) {
            return of_id;
        }
        if (one.id_next == store::kNoIndex) {
            return store::kNoIndex; // the usual case: another node holds the id
        }
        const Link& other = links_[of_node];
        if (other.id == id) {
            return of_node;
        }
        of_id = one.id_next;
        of_node = other.node_next;
    }
    return store::kNoIndex;
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
    link.mark = holder.marks.current() & LinkMarks::kMarkMax;
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
    if (link.id_previous == store::kNoIndex) {
        first_of_id_[link.id] = link.id_next;
    } else {
        links_[link.id_previous].id_next = link.id_next;
    }
    if (link.id_next != store::kNoIndex) {
        links_[link.id_next].id_previous = link.id_previous;
    }
    if (link.node_previous == store::kNoIndex) {
        holder.first = link.node_next;
    } else {
        links_[link.node_previous].node_next = link.node_next;
    }
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

/// All links of `node` are to be looked at. A pass that is under way comes to its end first, and
/// the next one waits behind the other nodes, so that a node that begins list after list delays no
/// other.
void RoutingTable::enqueue(NodeIndex node) {
    NodeEntry& queued = nodes_[node];
    if (!queued.marks.need_pass()) {
        return;
    }
    queued.reclaim_next = queued.first;
    if (last_queued_ == store::kNoIndex) {
        first_queued_ = node;
    } else {
        nodes_[last_queued_].queued_after = node;
    }
    last_queued_ = node;
}

/// Goes on with the pass over the links of `node`, to the last one if `links_max` allows it.
/// @return how many links it looked at.
std::uint32_t RoutingTable::reclaim_links(NodeIndex node, std::uint32_t links_max) {
    NodeEntry& queued = nodes_[node];
    std::uint32_t links = 0;
    for (; links < links_max && queued.reclaim_next != store::kNoIndex; ++links) {
        const LinkIndex index = queued.reclaim_next;
        Link& link = links_[index];
        queued.reclaim_next = link.node_next;
        if (const auto mark = queued.marks.mark_after_pass(link.mark)) {
            link.mark = *mark & LinkMarks::kMarkMax;
        } else {
            unlink(index);
        }
    }
    if (queued.reclaim_next == store::kNoIndex) {
        queued.marks.end_of_links();
    }
    return links;
}

/// The pass over the first node in the queue is over. Takes the node out of the queue, or moves it
/// to the end for another pass.
/// @return whether the node's index is free, since it was removed.
bool RoutingTable::leave_queue() {
    const NodeIndex node = first_queued_;
    NodeEntry& done = nodes_[node];
    first_queued_ = std::exchange(done.queued_after, store::kNoIndex);
    if (first_queued_ == store::kNoIndex) {
        last_queued_ = store::kNoIndex;
    }
    if (done.marks.end_pass()) {
        enqueue(node);
        return false;
    }
    if (!done.marks.is_removed()) {
        return false;
    }
    done = NodeEntry{};
    return true;
}

} // namespace zcomet::broker::table
