// The broker's side of docs/PROTOCOL.md, without sockets, threads or a clock: frames and the time
// go in, frames and events come out.
//
// A loop hands in the frames that wait (on_frame, on_subscription), as long as there is room for
// them (has_room), then calls turn() once, which publishes what the frames gave. Then it may sleep
// until due().
//
// Router says which part gets a frame, and when time has passed for which part. The parts do the
// rest (router_state.hpp names them).
#pragma once

#include "broker/router/backlog.hpp"
#include "broker/router/bounds.hpp"
#include "broker/router/confirmations.hpp"
#include "broker/router/credit.hpp"
#include "broker/router/feeds.hpp"
#include "broker/router/histories.hpp"
#include "broker/router/idempotency.hpp"
#include "broker/router/joining.hpp"
#include "broker/router/presence.hpp"
#include "broker/router/queries.hpp"
#include "broker/router/refusals.hpp"
#include "broker/router/rights.hpp"
#include "broker/router/router_host.hpp"
#include "broker/router/router_options.hpp"
#include "broker/router/router_state.hpp"
#include "broker/router/sends.hpp"
#include "topology/base/check.hpp"
#include "topology/base/time.hpp"
#include "topology/wire/frames.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace zcomet::broker::router {

/// Thread:  one, but for counters() and identity().
/// Errors:  none thrown. What a peer does wrong is answered as docs/PROTOCOL.md says, and counted.
class Router {
  public:
    Router(RouterHost& host, RouterOptions options, Time now);
    Router(const Router&) = delete; // its parts refer to each other
    Router& operator=(const Router&) = delete;

    /// Whether the host should hand in a further frame before it calls turn().
    [[nodiscard]] bool has_room() const { return state_.intake.has_room(); }
    /// A frame came over the ROUTER.
    /// @param connection  the routing id that it came with.
    /// @param frame       one protocol frame, any content; borrowed.
    /// @param key         of the connection, always the same one; lives longer than this. nullptr:
    ///     no keys are used.
    void on_frame(std::string_view connection, std::string_view frame, Time now,
                  const keys::KnownKey* key = nullptr);

    /// A subscription came (or went) over the XPUB.
    /// @param key  as above. One that was revoked, where a subscription goes: its connection ended.
    /// @return whether it may be so.
    bool on_subscription(std::string_view topic, bool subscribed,
                         const keys::KnownKey* key = nullptr) {
        return feeds_.on_subscription(topic, subscribed, key);
    }

    /// The host has this many descriptors open, of so many that it may have.
    void on_descriptors(std::uint64_t used, std::uint64_t most) {
        bounds_.note(Bound::kDescriptors, used, most);
    }
    /// Counts what only the host sees.
    void count(table::BrokerCounter counter, std::uint64_t amount) {
        state_.count(counter, amount);
    }

    /// Takes other limits. Name, incarnation, times and the feeds' windows, which peers were told,
    /// are as they were; `feed_endpoint` is not looked at.
    void set_options(RouterOptions options);

    /// Publishes what is due, gives credit, sends the feeds' heartbeats, removes dead peers, and
    /// gives back some of the memory that removed nodes have left.
    void turn(Time now);
    /// When turn() next has something to do without further input; kNever if not at all.
    [[nodiscard]] Time due() const;

    /// May be read from any thread.
    [[nodiscard]] const table::BrokerCounters& counters() const { return state_.counters; }
    /// Never changes.
    [[nodiscard]] const BrokerIdentity& identity() const { return state_.identity; }

  private:
    /// Peers are looked over this often in each heartbeat interval. The dead are found that much
    /// late, and as much later as a sweep of very many peers takes.
    static constexpr int kSweepsPerHeartbeat = 10;
    /// Peers that died at the same time, as when a network fails, go in several turns.
    /// @limit dead peers that a broker removes in a turn
    static constexpr std::size_t kBurialsPerTurn = 256;

    /// Copying a frame takes about a sixteenth of reading it. So a host reads on past long lists,
    /// and their nodes do not use up the turns of others.
    static constexpr std::size_t kUnreadPart = 16;

    // Dispatch: a function for each kind of frame that peers send.
    [[nodiscard]] bool may_say(const Incoming& in, const wire::KindRow& kind);
    void on(const Incoming& in, const wire::Hello& hello);
    void on(const Incoming& in, const wire::Goodbye& /*goodbye*/) { joining_.on_goodbye(in); }
    void on(const Incoming& in, const wire::Heartbeat& heartbeat);
    void on(const Incoming& in, const wire::Login& login) {
        presence_.on_ids(in, login, login.ids);
    }
    void on(const Incoming& in, const wire::Logout& logout) {
        presence_.on_ids(in, logout, logout.ids);
    }
    void on(const Incoming& in, const wire::List& list) { presence_.on_ids(in, list, list.ids); }
    void on(const Incoming& in, const wire::Resend& resend) { feeds_.on_resend(in, resend); }
    void on(const Incoming& in, const wire::Send& send) { sends_.on_send(in, send); }
    void on(const Incoming& in, const wire::Ping& ping) { queries_.on_ping(in, ping); }
    void on(const Incoming& in, const wire::Query& query);
    void on(const Incoming& in, const wire::Answer& answer) { queries_.on_answer(in, answer); }
    void on(const Incoming& in, const wire::History& history) {
        if (rights_.may_replay(in)) {
            histories_.on_history(in, history);
        }
    }
    /// Only a broker sends the other kinds, and may_say() has refused them.
    template <typename Body> void on(const Incoming& /*in*/, const Body& /*body*/) {
        static_assert(wire::kKindOf<Body>.from == wire::From::kBroker,
                      "a frame that peers send needs a function here");
        ZCOMET_ASSERT(wire::kKindOf<Body>.from != wire::From::kBroker);
    }
    [[nodiscard]] wire::Heartbeat heartbeat_for(table::Peer& peer, Time now);

    // Time.
    void forgive_own_pause(Time now);
    void sweep(Time now);
    void look_over(table::PeerIndex index, Time now);
    void bury_dead(Time now);
    void bury_revoked();
    void count_memory();
    void set_gauges();

    RouterState state_;
    Refusals refusals_{state_};
    Rights rights_{state_, refusals_};
    Histories histories_;
    Idempotency idempotency_{state_, histories_};
    Confirmations confirmations_{state_, histories_, idempotency_};
    Feeds feeds_{state_, confirmations_};
    Credit credit_{state_};
    Joining joining_{state_, refusals_, confirmations_, feeds_, credit_, histories_};
    Presence presence_{state_, refusals_};
    Backlog backlog_{state_, refusals_, presence_};
    Sends sends_{state_, refusals_, confirmations_, feeds_, credit_, histories_, idempotency_};
    Queries queries_{state_, refusals_, feeds_};
    Bounds bounds_{state_.host, state_.counters};
    std::vector<table::PeerIndex> dead_;    // found by the sweep, and not removed yet
    std::vector<table::PeerIndex> revoked_; // likewise: their keys may not be here any more
    table::PeerIndex sweep_at_ = 0;         // where the sweep goes on; 0: none is under way
    std::uint32_t most_ids_ = 0;            // of a node, at the last sweep
    std::uint32_t most_ids_so_far_ = 0;     // in the sweep that is under way
    Time next_sweep_ = kNever;              // in the past while a sweep is under way
    Time last_turn_;
    bool had_peers_ = false; // at the end of the last turn
};

} // namespace zcomet::broker::router
