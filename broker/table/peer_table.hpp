// The peers that have said HELLO. They are found by connection and by incarnation, nodes also by
// name.
#pragma once

#include "broker/table/peer.hpp"
#include "topology/store/text_map.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::broker::table {

/// Thread:  one at a time.   Errors: none. Each find_… returns kNoIndex if there is no such peer.
class PeerTable {
  public:
    /// Adds a peer. No other peer may have its connection, its incarnation or, if it is a node, its
    /// name.
    /// @return its index: the lowest that is free, so that indices stay small.
    PeerIndex add(std::unique_ptr<Peer> peer);
    /// Removes a peer. Its index stays taken until free().
    void remove(PeerIndex index);
    /// The index of a removed peer may be handed out again.
    void free(PeerIndex index);
    /// The peer goes on over another connection, which no other peer may have.
    void move(PeerIndex index, std::string_view connection);

    [[nodiscard]] PeerIndex find_connection(std::string_view connection) const;
    [[nodiscard]] PeerIndex find_incarnation(std::uint64_t incarnation) const;
    [[nodiscard]] PeerIndex find_node(std::string_view name) const;

    [[nodiscard]] bool contains(PeerIndex index) const {
        return index < peers_.size() && peers_[index] != nullptr;
    }
    [[nodiscard]] Peer& operator[](PeerIndex index) { return *peers_[index]; }
    [[nodiscard]] const Peer& operator[](PeerIndex index) const { return *peers_[index]; }

    [[nodiscard]] std::uint32_t size() const {
        return static_cast<std::uint32_t>(by_incarnation_.size());
    }
    [[nodiscard]] std::uint32_t node_count() const {
        return static_cast<std::uint32_t>(node_by_name_.size());
    }
    [[nodiscard]] std::uint32_t sender_count() const { return size() - node_count(); }

    /// Every peer's index is below this.
    [[nodiscard]] PeerIndex index_bound() const { return static_cast<PeerIndex>(peers_.size()); }

    /// Calls `visit(PeerIndex, Peer&)` for each, by rising index, so that the same run gives the
    /// same order. No peer may be added or removed meanwhile.
    template <typename Visit> void for_each(Visit&& visit) {
        for (PeerIndex i = 0; i < peers_.size(); ++i) {
            if (peers_[i] != nullptr) {
                visit(i, *peers_[i]);
            }
        }
    }
    template <typename Visit> void for_each(Visit&& visit) const {
        for (PeerIndex i = 0; i < peers_.size(); ++i) {
            if (peers_[i] != nullptr) {
                visit(i, std::as_const(*peers_[i]));
            }
        }
    }

  private:
    std::vector<std::unique_ptr<Peer>> peers_;
    std::vector<PeerIndex> free_; // a heap, the lowest first
    store::TextMap<PeerIndex> by_connection_;
    absl::flat_hash_map<std::uint64_t, PeerIndex> by_incarnation_;
    store::TextMap<PeerIndex> node_by_name_;
};

} // namespace zcomet::broker::table
