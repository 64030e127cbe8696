// A worker: one process, one loop, one node of the cluster. It holds streams, and joins the broker
// for their ids.
//
// The order within a turn of the loop is a rule: events of connections first, then the broker's
// messages, then new connections. Whatever closes connections so comes after the events that were
// collected for them, and a descriptor is given to a new connection only after all of these; the
// generation in each StreamHandle catches what would slip through.
#pragma once

#include "topology/node_link.hpp"
#include "topology/time.hpp"
#include "topology/unique_fd.hpp"
#include "webnode/connections.hpp"
#include "webnode/delivery.hpp"
#include "webnode/epoll.hpp"
#include "webnode/keepalive.hpp"
#include "webnode/listener.hpp"
#include "webnode/requests.hpp"
#include "webnode/worker_counters.hpp"

#include <zmq.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace zcomet {

struct WorkerOptions {
    std::string broker; ///< "tcp://HOST:PORT"
    HostPort http;      ///< with the port that the web node has reserved
    std::string name;   ///< of the node, unique in the cluster
    /// Most connections at a time; 0: as many as the limit of open files allows.
    std::uint32_t connections_max = 0;
    SlowReaders slow;
    Duration request_deadline = 10s;
    /// A browser that vanished without a word is found after this; as KeepaliveTimes::within().
    std::chrono::seconds vanished_max = 60s;
};

class Worker : private NodeLinkHandler {
  public:
    /// @param slot         the worker's record; lives longer than this.
    /// @param termination  readable when the worker shall end, as catch_termination_signals()
    /// gives.
    /// @param on_state     called after each change of the state in the record.
    /// Throws std::runtime_error if the broker's address cannot be used.
    Worker(WorkerOptions options, WorkerSlot& slot, UniqueFd termination,
           std::function<void()> on_state);
    ~Worker() override;

    /// Runs until it is told to end, and all streams are ended.
    /// Throws std::runtime_error if the port cannot be listened on.
    void run();

  private:
    /// What the epoll set reports for descriptors that are no connections. StreamHandle::packed()
    /// is never this small.
    enum Tag : std::uint64_t { kTerminationTag, kListenerTag, kLinkTag };

    void on_messages(const wire::MessageList& messages) override { delivery_.deliver(messages); }
    bool can_take_messages() override { return delivery_.can_take(); }
    void for_each_login(const std::function<void(std::string_view id)>& visit) override;
    std::uint64_t stream_count() override { return connections_.table().stream_count(); }
    wire::NodeLedger ledger() override;
    void on_live(std::string_view broker_name) override;
    void on_lost() override;
    void on_refused(wire::ErrorCode code, std::string_view text) override;

    void turn();
    void handle_events(std::span<const epoll_event> events, Time now);
    void listen();
    void accept_connections(Time now);
    void look_for_vanished(Time now);
    [[nodiscard]] Time next_due();
    void enter(WorkerState state);
    void publish_counters();
    void report_slow_streams();

    void drain();
    void finish_deliveries();
    void end_streams();
    void wait_for_outboxes();

    WorkerOptions options_;
    WorkerSlot& slot_;
    UniqueFd termination_;
    std::function<void()> on_state_;
    NodeSessionCounters feed_before_; // of the processes that had this record earlier
    Epoll epoll_;
    Connections connections_;
    Requests requests_;
    Delivery delivery_;
    Listener listener_;
    KeepaliveTimes keepalive_;
    KeepalivePacer keepalive_pacer_;
    zmq::context_t context_;
    std::unique_ptr<NodeLink> link_; // destroyed before its context
    bool listen_due_ = false;
    bool listener_ready_ = false;
    bool link_ready_ = false;
    bool ending_ = false;
    LogLimit refusal_log_;
    LogLimit slow_log_;
    std::uint64_t slow_reported_ = 0; // of the counter streams_slow
};

} // namespace zcomet
