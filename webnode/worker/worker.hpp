// A worker: one process, one loop, one node of the cluster. It holds streams, and logs their ids in
// at the broker.
//
// The order within a turn is the loop's rule (loop.hpp): events of connections first, then the
// broker's messages, then new connections. The generation in each Handle detects stale events that
// this order does not prevent.
#pragma once

#include "topology/base/nearness.hpp"
#include "topology/base/random.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/http/cors.hpp"
#include "topology/http/page_guard.hpp"
#include "topology/link/peer_key.hpp"
#include "topology/link/uplink.hpp"
#include "topology/loop/loop.hpp"
#include "topology/process/hangup.hpp"
#include "topology/process/heap.hpp"
#include "topology/tls/server_context.hpp"
#include "topology/tls/ticket_keys.hpp"
#include "webnode/api/api.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/connection/secured.hpp"
#include "webnode/hook/hook.hpp"
#include "webnode/port/keepalive.hpp"
#include "webnode/port/listener.hpp"
#include "webnode/request/gate.hpp"
#include "webnode/request/requests.hpp"
#include "webnode/slot/worker_counters.hpp"
#include "webnode/stream/delivery.hpp"
#include "webnode/stream/expiries.hpp"
#include "webnode/stream/gap_teller.hpp"
#include "webnode/stream/mover.hpp"
#include "webnode/stream/polls.hpp"
#include "webnode/stream/presence.hpp"
#include "webnode/stream/resumes.hpp"
#include "webnode/stream/signs_of_life.hpp"
#include "webnode/worker/drain.hpp"
#include "webnode/worker/reports.hpp"
#include "webnode/worker/stream_log.hpp"
#include "webnode/worker/worker_options.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace zcomet::webnode::worker {

class Worker : private session::NodeEvents,
               private connection::CloseListener,
               private request::Readiness {
  public:
    /// @param slot         the worker's record; lives longer than this.
    /// @param termination  from catch_termination_signals(): SIGTERM of the process that has
    /// started
    ///     this one has it drain, any other signal has it end within a second or two.
    /// @param on_state     called after each change of the state in the record.
    /// @param on_hangup    called when SIGHUP comes.
    /// Throws std::runtime_error if the broker's address cannot be used.
    Worker(WorkerOptions options, slot::WorkerSlot& slot, UniqueFd termination,
           std::function<void()> on_state, process::Hangup::Handler on_hangup);
    ~Worker() override;

    /// Takes the options that can change while it runs. The name is not looked at.
    void set_options(const WorkerOptions& options);

    /// Runs until a signal has come to `termination`; then all streams have ended.
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
    bool can_take() const override { return delivery_.can_take() && !resumes_.is_beginning(); }
    void for_each_login(const std::function<void(std::string_view id)>& visit) const override;
    std::uint64_t stream_count() const override { return presence_.streams().stream_count(); }
    std::optional<std::uint64_t> streams_of(std::string_view id) const override {
        return presence_.streams().streams_of(id);
    }
    wire::NodeLedger ledger() const override;
    void on_welcomed() override;
    void on_feed_begun(const wire::HistoryTerms& terms, bool is_first) override;
    void on_kept(const wire::Kept& kept) override { resumes_.on_kept(kept, Clock::now()); }
    void on_applied(std::uint64_t number) override { resumes_.on_applied(number); }
    void on_live(std::string_view broker_name) override;
    void on_lost() override;
    void on_gap(const session::Gap& gap) override;
    [[nodiscard]] stream::GapTeller::Concerns concerned_by(const session::Gap& gap) const;
    void on_refused(wire::ErrorCode code, std::string_view text) override;
    void on_drain_asked() override;
    void on_newer_list(std::uint64_t version, std::string_view broker_name) override;
    void on_no_broker(std::string_view text) override;
    void on_feed_silent(std::string_view text) override { on_no_feed(text); }
    void on_no_feed(std::string_view text) override;

    [[nodiscard]] std::string_view why_no_streams() const override;
    [[nodiscard]] std::string_view why_not_ready() const override;

    /// Another process has the node's name.
    void on_replaced(Time now);
    /// Ends some of the streams of a node that was replaced.
    void end_streams();
    void on_close(connection::Handle handle, connection::Connection& connection) override;

    void turn();
    void listen();
    void open_api();
    void use_hook();
    /// Says by which names this node is asked, and which proxies it trusts.
    void use_names();
    void use_proxies();
    /// Lets the gates check tokens by the keys and rules of the options.
    void use_token_keys();
    /// Makes the ports speak TLS by the certificates of the options, if there are any.
    void use_certificates();
    /// Goes by a newer list of brokers.
    void use_brokers(const cluster::BrokerList& list);
    [[nodiscard]] api::ApiOptions api_options() const;
    [[nodiscard]] port::Capacity capacity() const;
    void accept_connections(Time now);
    void look_for_vanished(Time now);
    [[nodiscard]] Time next_due() const;
    void enter(slot::WorkerState state);
    void publish_counters();
    /// Logs what has happened since the last such line.
    void report(Time now);
    /// Warns when a value comes near its bound.
    void watch_bounds(Time now);
    /// Shows the supervisor that this process works.
    void count_turn(Time now);

    void take_signals(Time now);
    /// Goes on with a drain, if there is one.
    void drain(Time now);
    void on_phase(Time now);
    void move_streams(Time now);
    /// Ends some of the connections that wait for a request.
    void end_idle();
    /// Ends all that is left, without the loop.
    void end();
    void accept_backlog();
    void finish_deliveries(Time latest);
    void wait_for_outboxes(Time latest);

    WorkerOptions options_;
    slot::WorkerSlot& slot_;
    UniqueFd termination_;
    pid_t parent_ = ::getppid();
    std::function<void()> on_state_;
    process::Hangup hangup_;
    session::NodeSessionCounters feed_before_; // of earlier processes with this record
    std::uint64_t held_drops_before_;          // likewise
    loop::Loop loop_;
    Deliveries deliveries_{*this};
    Accepts accepts_{*this};
    link::LinkContext context_{link::security_of_peer(options_.key)};
    std::unique_ptr<link::Uplink> uplink_;
    std::string tls_texts_; // of which tls_ is made
    std::shared_ptr<tls::TicketKeys> tickets_;
    std::shared_ptr<const tls::ServerContext> tls_; // nullptr: the ports speak plain HTTP
    std::optional<connection::Secured> secured_;    // of the public port
    connection::Connections connections_;
    stream::Presence presence_;
    connection::Clients clients_;
    StreamLog stream_log_{options_.name, presence_.streams(), clients_};
    http::Cors cors_{options_.cors_origins};
    http::PageGuard guard_;
    request::Gate gate_{options_.token_cookie, slot_.counters};
    request::Requests requests_;
    stream::Delivery delivery_;
    port::AddressPlaces places_{random_u64()};
    stream::GapTeller gap_teller_;
    stream::Mover mover_;
    stream::Resumes resumes_;
    stream::Polls polls_;
    stream::SignsOfLife signs_of_life_;
    stream::Expiries expiries_{connections_};
    std::unique_ptr<hook::Hook> hook_; // nullptr: nobody asks it
    port::Listener listener_;
    port::KeepaliveTimes keepalive_;
    port::KeepalivePacer keepalive_pacer_;
    std::unique_ptr<api::Api> api_; // nullptr: there is none
    process::FreedMemory freed_memory_;
    Time turn_due_ = Time::min(); // at the latest, for the supervisor to see
    bool deliveries_due_ = false; // there were messages since their last turn
    bool listen_due_ = false;
    std::size_t possible_ = 0; // connections for which there are descriptors; 0 until it listens
    bool is_replaced_ = false;
    std::uint32_t ended_slots_ =
        store::kNoIndex;              // streams below this have been ended; all: none is to be
    Time say_replaced_ = Time::min(); // again
    Drain drain_;
    bool is_drain_asked_ = false;
    bool tells_ends_ = false; // a stream that closes now was told
    std::uint32_t idle_slots_ =
        store::kNoIndex; // connections below this do not wait for a request; all: none is to end
    program::LogLimit refusal_log_;
    program::LogLimit newer_list_log_;
    Reports reports_;
    Time watch_addresses_ = Time::min(); // again
    Nearness near_max_streams_;
    Nearness near_request_memory_;
    Nearness near_api_request_memory_;
    Nearness near_stream_memory_;
    program::LogLimit shed_log_;
};

} // namespace zcomet::webnode::worker
