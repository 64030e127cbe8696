// A worker: one process, one loop, one node of the cluster. It holds streams, and logs their ids in
// at the broker.
//
// The order within a turn is the loop's rule (loop.hpp): events of connections first, then the
// broker's messages, then new connections. The generation in each Handle detects stale events that
// this order does not prevent.
#pragma once

#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/link/uplink.hpp"
#include "topology/loop/loop.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/port/keepalive.hpp"
#include "webnode/port/listener.hpp"
#include "webnode/request/requests.hpp"
#include "webnode/slot/worker_counters.hpp"
#include "webnode/stream/delivery.hpp"
#include "webnode/stream/gap_teller.hpp"
#include "webnode/stream/presence.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace zcomet::webnode::worker {

struct WorkerOptions {
    std::string broker;  ///< "tcp://HOST:PORT"
    wire::HostPort http; ///< with the port that the web node has reserved
    std::string name;    ///< of the node, unique in the cluster
    /// Most connections at a time; 0: as many as the limit of open files allows.
    std::uint32_t connections_max = 0;
    connection::SlowReaders slow;
    /// @limit a request's arrival (`--request-deadline-ms`)
    Duration request_deadline = 10s;
    /// A browser that vanished silently is found after this time; as KeepaliveTimes::within().
    /// @limit life of a stream whose browser vanished (`--vanished-after`)
    std::chrono::seconds vanished_max = 60s;
    /// Whether streams are told that they missed messages (`--tell-gaps`).
    bool tell_gaps = true;
};

class Worker : private session::NodeEvents {
  public:
    /// @param slot         the worker's record; lives longer than this.
    /// @param termination  readable when the worker should end: from catch_termination_signals().
    /// @param on_state     called after each change of the state in the record.
    /// Throws std::runtime_error if the broker's address cannot be used.
    Worker(WorkerOptions options, slot::WorkerSlot& slot, UniqueFd termination,
           std::function<void()> on_state);
    ~Worker() override;

    /// Runs until `termination` is readable, then ends all streams and returns.
    /// Throws std::runtime_error if the port cannot be listened on.
    void run();

  private:
    /// Continues messages to ids with very many streams, after the link has had its turn.
    class Deliveries : public loop::Source {
      public:
        explicit Deliveries(Worker& worker) : worker_(worker) {}
        bool turn(Time now) override;
        [[nodiscard]] Time due() const override;

      private:
        Worker& worker_;
    };
    /// Begins to listen, accepts, and leaves the port while there is no room.
    class Accepts : public loop::Source {
      public:
        explicit Accepts(Worker& worker) : worker_(worker) {}
        bool turn(Time now) override;
        [[nodiscard]] Time due() const override;

      private:
        Worker& worker_;
    };

    void deliver(const wire::MessageList& messages) override;
    bool can_take() const override { return delivery_.can_take(); }
    void for_each_login(const std::function<void(std::string_view id)>& visit) const override;
    std::uint64_t stream_count() const override { return presence_.streams().stream_count(); }
    wire::NodeLedger ledger() const override;
    void on_live(std::string_view broker_name) override;
    void on_lost() override;
    void on_gap(const session::Gap& gap) override;
    void on_refused(wire::ErrorCode code, std::string_view text) override;
    void on_no_feed(std::string_view text) override;

    void turn();
    void listen();
    void accept_connections(Time now);
    void look_for_vanished(Time now);
    [[nodiscard]] Time next_due() const;
    void enter(slot::WorkerState state);
    void publish_counters();
    void report_slow_streams(Time now);
    /// Shows the supervisor that this process works.
    void count_turn(Time now);

    void drain();
    void accept_backlog();
    void finish_deliveries();
    void wait_for_outboxes();

    WorkerOptions options_;
    slot::WorkerSlot& slot_;
    UniqueFd termination_;
    std::function<void()> on_state_;
    session::NodeSessionCounters feed_before_; // of earlier processes with this record
    loop::Loop loop_;
    Deliveries deliveries_{*this};
    Accepts accepts_{*this};
    link::LinkContext context_;
    std::unique_ptr<link::Uplink> uplink_;
    connection::Connections connections_;
    stream::Presence presence_;
    request::Requests requests_;
    stream::Delivery delivery_;
    stream::GapTeller gap_teller_;
    port::Listener listener_;
    port::KeepaliveTimes keepalive_;
    port::KeepalivePacer keepalive_pacer_;
    Time turn_due_ = Time::min(); // at the latest, for the supervisor to see
    bool deliveries_due_ = false; // there were messages since their last turn
    bool listen_due_ = false;
    program::LogLimit refusal_log_;
    program::LogLimit shed_log_;
    program::LogLimit slow_log_;
    std::uint64_t slow_reported_ = 0; // of the counter streams_slow
};

} // namespace zcomet::webnode::worker
