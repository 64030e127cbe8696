// Lets peers come (HELLO, WELCOME) and go (GOODBYE, silence, a newer process).
#pragma once

#include "broker/router/confirmations.hpp"
#include "broker/router/credit.hpp"
#include "broker/router/feeds.hpp"
#include "broker/router/histories.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"
#include "broker/table/departed_senders.hpp"
#include "broker/table/name_owners.hpp"
#include "broker/table/replaced_nodes.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace zcomet::broker::router {

class Joining {
  public:
    Joining(RouterState& state, Refusals& refusals, Confirmations& confirmations, Feeds& feeds,
            Credit& credit, const Histories& histories);

    void on_hello(const Incoming& in, const wire::Hello& hello);
    void on_goodbye(const Incoming& in);
    /// The broker goes by a newer list of brokers: tells all peers, by a WELCOME more.
    void on_list(Time now);
    /// Lets the peer go on over another connection if it waits for the proof that its earlier one
    /// is gone, and has it now.
    void settle_claim(table::PeerIndex index, Time now);
    /// These peers were silent for too long.
    void on_dead(std::span<const table::PeerIndex> dead, Time now);
    /// The peer's key may not be here any more.
    void on_revoked(table::PeerIndex index) { remove(index, RouterEvent::Kind::kRevoked); }
    /// Whether the connection was that of a node whose name a newer process has taken.
    [[nodiscard]] bool was_replaced(std::string_view connection) const {
        return replaced_.has_connection(connection);
    }

  private:
    /// A HELLO of a known peer over another connection, while the peer's own may live.
    struct Claim {
        std::string connection;
        std::string address;
        std::uint64_t sent = 0; // as in the HELLO
        wire::ListMark list;    // likewise
        Time at;
    };

    [[nodiscard]] bool may_join(const Incoming& in, const wire::Hello& hello,
                                table::PeerIndex known);
    /// Whether neither name nor incarnation belong to another key.
    [[nodiscard]] bool is_own(const Incoming& in, const wire::Hello& hello, table::PeerIndex known);
    /// Whether it does not go by another list of brokers with the version of ours.
    [[nodiscard]] bool has_same_list(const Incoming& in, const wire::Hello& hello);
    [[nodiscard]] bool may_come_back(const Incoming& in, const wire::Hello& hello,
                                     const table::Peer& peer);
    table::PeerIndex admit(const Incoming& in, const wire::Hello& hello);
    void replace(table::PeerIndex holder);
    [[nodiscard]] bool is_silent(const table::Peer& peer, Time now) const;
    [[nodiscard]] bool is_gone(const table::Peer& peer, Time now);
    void wait_for_proof(const Incoming& in, const wire::Hello& hello, table::PeerIndex index);
    void reconnect(table::PeerIndex index, const Claim& claim, Time now);
    void begin_connection(table::PeerIndex index, std::uint64_t sent, const wire::ListMark& list,
                          Time now);
    void note_list(table::Peer& peer, const wire::ListMark& list);
    void welcome(table::PeerIndex index, Time now);

    void remove(table::PeerIndex index, RouterEvent::Kind why);
    /// All of remove() but drop_removed().
    /// @return whether drop_removed() has to follow.
    [[nodiscard]] bool bury(table::PeerIndex index, RouterEvent::Kind why);
    void bury_sender(table::Peer& peer);
    void drop_removed();
    void count_removal(const table::Peer& peer, RouterEvent::Kind why);

    RouterState& state_;
    Refusals& refusals_;
    Confirmations& confirmations_;
    Feeds& feeds_;
    Credit& credit_;
    const Histories& histories_;
    table::ReplacedNodes replaced_;
    table::DepartedSenders departed_;
    table::NameOwners owners_;                            // of names of nodes
    absl::flat_hash_map<table::PeerIndex, Claim> claims_; // the last one of each peer
    Time settled_at_;           // until then nodes may be on their way to this broker
    std::uint64_t newest_list_; // version of the newest list of brokers that was told of
};

} // namespace zcomet::broker::router
