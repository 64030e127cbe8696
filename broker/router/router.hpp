// The broker's side of docs/PROTOCOL.md, without sockets, threads or a clock: frames and the time
// go in, frames and events come out.
//
// A loop hands in every frame that waits (on_frame, on_subscription), then calls turn() once, which
// publishes what the frames gave; then it may sleep until due().
#pragma once

#include "broker/router/answers.hpp"
#include "broker/router/error_limit.hpp"
#include "broker/router/ledger.hpp"
#include "broker/table/acknowledgements.hpp"
#include "broker/table/counters.hpp"
#include "broker/table/peer_table.hpp"
#include "broker/table/replaced_nodes.hpp"
#include "broker/table/routing_table.hpp"
#include "broker/table/subscriptions.hpp"
#include "topology/base/check.hpp"
#include "topology/base/time.hpp"
#include "topology/feed/feed_writer.hpp"
#include "topology/wire/frames.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::broker::router {

/// Something worth a line in the log. The views live until on_event() returns.
struct RouterEvent {
    enum class Kind : std::uint8_t {
        kJoined,      ///< a new peer said HELLO
        kReconnected, ///< a known peer came over a new connection
        kLive,        ///< a node has subscribed to its feed
        kLeft,        ///< GOODBYE
        kDied,        ///< silent for the liveness time
        kReplaced,    ///< a newer process took the node's name
        kShed,        ///< `count` messages for the node were let go
        kRefused,     ///< a frame was answered by an ERROR: `code`, `text`
        kPaused,      ///< this broker itself did not run for `count` ms
        kDrifted,     ///< a node's ids were not those that the broker knew; its list was asked for
    };
    Kind kind = Kind::kJoined;
    /// Empty and 0 where the peer has not said HELLO.
    std::string_view name = {};
    std::uint64_t incarnation = 0;
    wire::Role role = wire::Role::kNode;
    std::string_view address = {};
    std::uint64_t count = 0;
    wire::ErrorCode code = wire::ErrorCode::kMalformed;
    std::string_view text = {};
};

/// What a router asks of whoever runs it. Every call comes from within a call to the router, on its
/// thread, and must not call back into the router.
class RouterHost {
  public:
    virtual ~RouterHost() = default;
    /// Send one frame over the ROUTER. @return false if the peer cannot be reached now.
    virtual bool send_to_peer(std::string_view connection, std::string frame) = 0;
    /// Publish `topic` and `frame` on the XPUB.
    virtual void publish(std::string_view topic, const feed::SharedFrame& frame) = 0;
    /// Where the peer whose frame is being handled comes from, for people to read.
    virtual std::string address_of(std::string_view connection) = 0;
    virtual void on_event(const RouterEvent& event) = 0;
};

struct RouterOptions {
    /// 1 to 64 printable ASCII characters.
    std::string name = "broker";
    /// Random, not 0; drawn once for each process.
    std::uint64_t incarnation = 0;
    /// Where nodes are to connect their SUB, as docs/PROTOCOL.md, section 4.1 has it.
    std::string feed_endpoint;
    /// A peer that is silent for this long is dead.
    Duration liveness = 3s;
    /// Peers are told to send a HEARTBEAT this often: a third of the above, so that two in a row
    /// may be lost.
    Duration heartbeat_interval = 1s;
    feed::FeedLimits feed;
    /// Bytes of SEND frames that a sender may have under way without CREDIT.
    std::uint32_t sender_window_bytes = 256U << 10U;
    /// Nodes and senders together; a HELLO beyond it is answered by ERROR `overloaded`.
    std::uint32_t peers_max = 100'000;
    /// Ids that nodes may hold, one on two nodes counting twice; those beyond are not logged in,
    /// and the node is told by ERROR `overloaded`. Each takes some 60 bytes, so these take three
    /// gigabytes: more than any cluster that was measured needs, and less than a machine has that
    /// runs a broker. So a node that logs in without end costs itself its ids, and not the others
    /// their broker.
    std::uint32_t ids_max = 50'000'000;
    /// Links of ids that nodes no longer hold whose memory is given back in a turn. At some 0.5 µs
    /// each (2 µs on a busy machine) they take about as long as the turn's frames do, and a
    /// million are gone in a thousand turns.
    std::uint32_t links_per_turn = 1024;
    /// Version of the cluster's list of brokers; 0: a single broker.
    std::uint64_t table_version = 0;
    /// Draws the incarnations of feeds: random, not 0. Injected so that a simulation replays.
    std::function<std::uint64_t()> random;
};

/// Thread:  one, but for counters().   Errors: none thrown; whatever a peer does wrong is answered
/// as docs/PROTOCOL.md says, and counted.
class Router {
  public:
    Router(RouterHost& host, RouterOptions options, Time now);

    /// A frame came over the ROUTER.
    /// @param connection  the routing id that it came with.
    /// @param frame       one protocol frame, any content; borrowed.
    /// Cost:  of a message, one hash lookup and a copy into the batch of each node that holds its
    ///        id.
    void on_frame(std::string_view connection, std::string_view frame, Time now);

    /// A subscription came (or went) over the XPUB.
    void on_subscription(std::string_view topic, bool subscribed);

    /// Publishes what is due, gives credit, sends the feeds' heartbeats, buries the dead, and
    /// clears away some of what they left.
    void turn(Time now);
    /// When turn() next has something to do without further input; kNever if not at all.
    [[nodiscard]] Time due() const;

    /// May be read from any thread.
    [[nodiscard]] const table::BrokerCounters& counters() const { return counters_; }
    /// Never changes.
    [[nodiscard]] const BrokerIdentity& identity() const { return identity_; }

  private:
    /// Peers are looked over this often in each heartbeat interval: the dead are found that much
    /// late at most.
    static constexpr int kSweepsPerHeartbeat = 10;

    /// One frame with what is known of who sent it.
    struct Incoming {
        std::string_view connection;
        std::string_view bytes;
        table::PeerIndex peer =
            store::kNoIndex; ///< kNoIndex: has not said HELLO on this connection
        Time now;
    };

    // Dispatch.
    [[nodiscard]] bool may_say(const Incoming& in, const wire::KindRow& kind);
    void on(const Incoming& in, const wire::Hello& hello) { on_hello(in, hello); }
    void on(const Incoming& in, const wire::Goodbye& /*goodbye*/) { on_goodbye(in); }
    void on(const Incoming& in, const wire::Heartbeat& heartbeat) { on_heartbeat(in, heartbeat); }
    void on(const Incoming& in, const wire::Login& login) {
        on_change(in, login.change, login.ids, true);
    }
    void on(const Incoming& in, const wire::Logout& logout) {
        on_change(in, logout.change, logout.ids, false);
    }
    void on(const Incoming& in, const wire::List& list) { on_list(in, list); }
    void on(const Incoming& in, const wire::Resend& resend) { on_resend(in, resend); }
    void on(const Incoming& in, const wire::Send& send) { on_send(in, send); }
    void on(const Incoming& in, const wire::Ping& ping);
    void on(const Incoming& in, const wire::Query& query) { on_query(in, query); }
    /// The rest come from brokers only, which may_say() has refused.
    template <typename Body> void on(const Incoming& /*in*/, const Body& /*body*/) {
        static_assert(wire::kKindOf<Body>.from == wire::From::kBroker,
                      "a frame that peers send needs a function here");
        ZCOMET_ASSERT(wire::kKindOf<Body>.from != wire::From::kBroker);
    }
    void refuse(const Incoming& in, wire::ErrorCode code, std::string_view text);
    void tell_error(const Incoming& in, const wire::ErrorFrame& error);
    /// However many errors the peer had lately.
    void tell_error_always(const Incoming& in, const wire::ErrorFrame& error);

    // Joining and leaving: router_joining.cpp.
    void on_hello(const Incoming& in, const wire::Hello& hello);
    [[nodiscard]] bool may_join(const Incoming& in, const wire::Hello& hello,
                                table::PeerIndex known);
    table::PeerIndex admit(const Incoming& in, const wire::Hello& hello);
    void welcome(table::PeerIndex index, Time now);
    void on_goodbye(const Incoming& in);
    void remove(table::PeerIndex index, RouterEvent::Kind why);
    /// All of remove() but unlist_the_gone().
    /// @return whether that has to follow, before any other peer is added.
    [[nodiscard]] bool bury(table::PeerIndex index, RouterEvent::Kind why);
    void unlist_the_gone();
    void count_removal(const table::Peer& peer, RouterEvent::Kind why);

    // What nodes say: router_nodes.cpp.
    void on_change(const Incoming& in, std::uint64_t change, const wire::IdList& ids, bool login);
    void on_list(const Incoming& in, const wire::List& list);
    void log_in(const Incoming& in, const wire::IdList& ids);
    void log_out(const Incoming& in, const wire::IdList& ids);
    void refuse_ids(const Incoming& in);
    void on_resend(const Incoming& in, const wire::Resend& resend);
    void need_list(const Incoming& in);
    void on_feed_acknowledged(table::NodePart& node, std::uint64_t through, Time now);
    void compare_digests(const Incoming& in, const wire::Heartbeat& heartbeat);
    void ask_for_refused_ids(const Incoming& in);

    // What senders say: router_senders.cpp.
    void on_send(const Incoming& in, const wire::Send& send);
    [[nodiscard]] bool may_send(const Incoming& in, const wire::Send& send);
    void route_all(const Incoming& in, const wire::Send& send);
    void route_awaited(const Incoming& in, const wire::Send& send);
    /// `on_copy(NodePart&, std::uint64_t batch)` is called for each node's copy.
    template <typename OnCopy>
    std::uint32_t route(table::SenderPart& sender, const wire::Message& message, Time now,
                        OnCopy&& on_copy);
    void count_in(table::SenderPart& sender, std::uint64_t number, bool repeated);
    void count_taken_in(table::SenderPart& sender, const wire::Send& send);
    void owe_credit(const Incoming& in);
    void acknowledge(const table::AwaitedSend& send);
    void note_slow_node(table::SenderPart& sender, table::PeerIndex node) const;
    [[nodiscard]] bool keeps_credit_back(table::PeerIndex node, Time now) const;
    [[nodiscard]] Time credit_due(table::SenderPart& sender, Time now);
    void take_as_credited(table::SenderPart& sender);
    void give_credits(Time now);

    // What anyone says.
    void on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat);
    [[nodiscard]] wire::Heartbeat heartbeat_for(table::Peer& peer, Time now);
    void on_query(const Incoming& in, const wire::Query& query);
    [[nodiscard]] std::string ledger();

    // Time.
    void forgive_own_pause(Time now);
    void sweep(Time now);
    void reclaim(std::uint32_t links_max);
    void activate(table::PeerIndex index, table::NodePart& node);
    void publish_due(Time now);
    void count_feed(const table::Peer& peer, table::NodePart& node);
    void settle_shed(table::NodePart& node);

    void reply(std::string_view connection, std::string frame);
    void report(RouterEvent::Kind kind, const table::Peer& peer, std::uint64_t count = 0);

    RouterHost& host_;
    RouterOptions options_;
    BrokerIdentity identity_;
    table::PeerTable peers_;
    table::RoutingTable table_;
    table::Subscriptions subscriptions_;
    table::ReplacedNodes replaced_;
    DepartedPeers departed_;
    ErrorLimit error_limit_;
    wire::NodeCountsWriter node_counts_;
    table::Acknowledgements acknowledgements_;
    std::vector<table::PeerIndex> active_feeds_; // nodes whose feed has something to publish
    std::vector<table::PeerIndex>
        owed_credit_;                    // senders that took a quarter of their window or more
    std::vector<table::PeerIndex> dead_; // of the present sweep
    Time next_credit_ = kNever;
    Time next_sweep_ = kNever;
    Time last_turn_;
    Time settled_at_;        // until then nodes may be on their way to us
    bool had_peers_ = false; // at the last turn
    table::BrokerCounters counters_;
};

} // namespace zcomet::broker::router
