#include "broker/routing_table.hpp"

#include "topology/check.hpp"
#include "topology/id_digest.hpp"

#include <algorithm>

namespace zcomet {

bool RoutingTable::login(NodeIndex node, std::string_view id) {
    const std::uint32_t mark = entry(node).mark;
    const IdTable::Interned interned = ids_.intern(id);
    if (interned.is_new) {
        first_of_id_.grow(ids_.index_bound(), kNoIndex);
        first_of_id_[interned.index] = kNoIndex;
    } else if (const LinkIndex known = find_link(interned.index, node); known != kNoIndex) {
        links_[known].mark = mark & 1U;
        return false;
    }
    insert_link(node, interned.index);
    return true;
}

bool RoutingTable::logout(NodeIndex node, std::string_view id) {
    const std::optional<IdIndex> index = ids_.find(id);
    const LinkIndex link = index ? find_link(*index, node) : kNoIndex;
    if (link == kNoIndex) {
        return false;
    }
    remove_link(link);
    return true;
}

void RoutingTable::remove_node(NodeIndex node) {
    NodeEntry& gone = entry(node);
    while (gone.first != kNoIndex) {
        remove_link(gone.first);
    }
    gone = NodeEntry{};
}

void RoutingTable::begin_list(NodeIndex node) {
    NodeEntry& lister = entry(node);
    if (lister.list_under_way) {
        for (LinkIndex i = lister.first; i != kNoIndex; i = links_[i].node_next) {
            links_[i].mark = lister.mark & 1U;
        }
    }
    // From now on no id of the node bears its mark, until the list names it.
    lister.mark ^= 1U;
    lister.list_under_way = true;
}

void RoutingTable::end_list(NodeIndex node) {
    NodeEntry& lister = entry(node);
    for (LinkIndex i = lister.first; i != kNoIndex;) {
        const LinkIndex next = links_[i].node_next;
        if (links_[i].mark != lister.mark) {
            remove_link(i);
        }
        i = next;
    }
    lister.list_under_way = false;
}

std::uint32_t RoutingTable::id_count(NodeIndex node) const {
    return node < node_bound_ ? nodes_[node].ids : 0;
}

std::uint64_t RoutingTable::digest(NodeIndex node) const {
    return node < node_bound_ ? nodes_[node].digest : 0;
}

std::size_t RoutingTable::memory_bytes() const {
    return ids_.memory_bytes() + first_of_id_.memory_bytes() + links_.memory_bytes() +
           nodes_.memory_bytes();
}

RoutingTable::LinkIndex RoutingTable::first_of_node(NodeIndex node) const {
    return node < node_bound_ ? nodes_[node].first : kNoIndex;
}

RoutingTable::LinkIndex RoutingTable::find_link(IdIndex id, NodeIndex node) const {
    LinkIndex i = first_of_id_[id];
    while (i != kNoIndex && links_[i].node != node) {
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

void RoutingTable::insert_link(NodeIndex node, IdIndex id) {
    NodeEntry& holder = entry(node);
    LinkIndex& id_first = first_of_id_[id];
    Link link{};
    link.id = id;
    link.node = node & kNodeIndexMax;
    link.mark = holder.mark & 1U;
    link.id_next = id_first;
    link.id_previous = kNoIndex;
    link.node_next = holder.first;
    link.node_previous = kNoIndex;
    const LinkIndex index = links_.add(link);
    if (id_first != kNoIndex) {
        links_[id_first].id_previous = index;
    }
    if (holder.first != kNoIndex) {
        links_[holder.first].node_previous = index;
    }
    id_first = index;
    holder.first = index;
    ++holder.ids;
    holder.digest += id_digest(ids_.name(id));
}

void RoutingTable::remove_link(LinkIndex index) {
    const Link link = links_[index];
    NodeEntry& holder = nodes_[link.node];
    (link.id_previous == kNoIndex ? first_of_id_[link.id] : links_[link.id_previous].id_next) =
        link.id_next;
    if (link.id_next != kNoIndex) {
        links_[link.id_next].id_previous = link.id_previous;
    }
    (link.node_previous == kNoIndex ? holder.first : links_[link.node_previous].node_next) =
        link.node_next;
    if (link.node_next != kNoIndex) {
        links_[link.node_next].node_previous = link.node_previous;
    }
    --holder.ids;
    holder.digest -= id_digest(ids_.name(link.id));
    links_.release(index);
    if (first_of_id_[link.id] == kNoIndex) {
        ids_.release(link.id);
    }
}

} // namespace zcomet
