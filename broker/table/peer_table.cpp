#include "broker/table/peer_table.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace zcomet::broker::table {

namespace {

template <typename Map, typename Key> PeerIndex find_in(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? store::kNoIndex : found->second;
}

} // namespace

PeerIndex PeerTable::add(std::unique_ptr<Peer> peer) {
    auto index = static_cast<PeerIndex>(peers_.size());
    if (free_.empty()) {
        peers_.emplace_back();
    } else {
        std::pop_heap(free_.begin(), free_.end(), std::greater<>());
        index = free_.back();
        free_.pop_back();
    }
    const bool new_connection = by_connection_.emplace(peer->connection, index).second;
    ZCOMET_ASSERT(new_connection);
    const bool new_incarnation = by_incarnation_.emplace(peer->incarnation, index).second;
    ZCOMET_ASSERT(new_incarnation);
    if (peer->node() != nullptr) {
        const bool new_name = node_by_name_.emplace(peer->name, index).second;
        ZCOMET_ASSERT(new_name);
    }
    peers_[index] = std::move(peer);
    return index;
}

void PeerTable::remove(PeerIndex index) {
    const Peer& peer = *peers_[index];
    by_connection_.erase(peer.connection);
    by_incarnation_.erase(peer.incarnation);
    if (peer.node() != nullptr) {
        node_by_name_.erase(peer.name);
    }
    peers_[index].reset();
}

void PeerTable::free(PeerIndex index) {
    free_.push_back(index);
    std::push_heap(free_.begin(), free_.end(), std::greater<>());
}

void PeerTable::move(PeerIndex index, std::string_view connection) {
    Peer& peer = *peers_[index];
    by_connection_.erase(peer.connection);
    peer.connection = connection;
    const bool new_connection = by_connection_.emplace(peer.connection, index).second;
    ZCOMET_ASSERT(new_connection);
}

PeerIndex PeerTable::find_connection(std::string_view connection) const {
    return find_in(by_connection_, connection);
}

PeerIndex PeerTable::find_incarnation(std::uint64_t incarnation) const {
    return find_in(by_incarnation_, incarnation);
}

PeerIndex PeerTable::find_node(std::string_view name) const {
    return find_in(node_by_name_, name);
}

} // namespace zcomet::broker::table
