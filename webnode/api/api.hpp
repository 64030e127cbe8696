// The API of a worker: the address where backends publish messages, apart from the port that
// browsers use. It has its connections, its requests and its sender to itself, so that neither side
// takes the other's places.
#pragma once

#include "topology/auth/verifier.hpp"
#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/feed/gather.hpp"
#include "topology/http/cors.hpp"
#include "topology/http/page_guard.hpp"
#include "topology/link/dispatch.hpp"
#include "topology/loop/epoll.hpp"
#include "topology/loop/source.hpp"
#include "topology/session/failover.hpp"
#include "topology/session/sender_events.hpp"
#include "topology/wire/endpoint.hpp"
#include "webnode/api/expected_requests.hpp"
#include "webnode/ask/replays.hpp"
#include "webnode/ask/who.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/connection/incident_notes.hpp"
#include "webnode/connection/secured.hpp"
#include "webnode/port/address_places.hpp"
#include "webnode/port/listener.hpp"
#include "webnode/publish/publisher.hpp"
#include "webnode/request/gate.hpp"
#include "webnode/request/requests.hpp"
#include "webnode/slot/worker_counters.hpp"
#include "webnode/stream/stream_opener.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::api {

/// Descriptors that an API may need: those of its connections and of its way to the broker.
inline constexpr std::size_t kFilesMax = 600;

struct ApiOptions {
    wire::HostPort address; ///< with the port that the web node has reserved
    cluster::BrokerList brokers;
    Duration failover = session::Failover::kSilenceMax; ///< as in link::Dispatch::open()
    std::string name;                                   ///< of the sender; valid
    request::RequestLimits requests;
    /// Backends keep few connections, each for very many messages. With more, the listener leaves
    /// the port to the other workers.
    /// @limit connections of the API of a worker
    std::size_t connections_max = 512;
    /// As WorkerOptions::per_address, of these connections.
    std::optional<std::uint32_t> per_address{};
    /// Whether only this machine reaches the address. Pages of other sites, which it shows in a
    /// browser, may not.
    bool is_local = false;
    /// Whether its routes want a token, in a header or the query: a browser adds cookies to the
    /// requests of any page.
    bool wants_token = false;
    /// Origins of pages that may publish at a local address.
    std::vector<std::string> pages{};
    /// By which it is asked, as host::HostNames wants them.
    std::vector<std::string> names{};
    connection::Proxies proxies{};
    /// nullptr: it does not speak TLS.
    std::shared_ptr<const tls::ServerContext> tls{};
};

/// A source of the worker's loop. Thread: the worker's loop only.
class Api final : public loop::Source {
  public:
    /// @param counters   of the worker; live longer than this, as `readiness` does.
    /// Errors: the broker's address cannot be used; the port cannot be listened on.
    [[nodiscard]] static Result<std::unique_ptr<Api>>
    open(const ApiOptions& options, link::LinkContext& context,
         metrics::Counters<slot::WorkerCounter>& counters, const request::Readiness& readiness,
         Time now);

    [[nodiscard]] std::span<const int> fds() const override;
    [[nodiscard]] std::uint32_t fds_version() const override { return sender_->fds_version(); }
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override;

    /// Takes the options that can change while it runs: `requests`, `per_address`, `names`,
    /// `proxies`, and other certificates.
    void set_options(const ApiOptions& options);

    /// As link::Dispatch::use().
    [[nodiscard]] Status use(const cluster::BrokerList& list, Time now);
    /// As Gate::use().
    void use(std::shared_ptr<const auth::Verifier> verifier) { gate_.use(std::move(verifier)); }
    [[nodiscard]] const request::Gate& gate() const { return gate_; }
    [[nodiscard]] const http::PageGuard& guard() const { return guard_; }
    /// As Connections::tls_failure().
    [[nodiscard]] const std::string& tls_failure() const { return connections_.tls_failure(); }

    /// As Listener::watch_addresses().
    void watch_addresses() { listener_.watch_addresses(); }

    /// Memory that RequestLimits::bytes_max bounds here: the public port has as much again.
    [[nodiscard]] std::size_t unfinished_bytes() const { return requests_.unfinished_bytes(); }

    /// As IncidentNotes::take(); the field is " address=ADDRESS".
    [[nodiscard]] std::string take(connection::Incident incident) { return log_.take(incident); }

    /// For a worker that is going to end: from now on each connection ends with its next answer, so
    /// that clients open new ones, which go elsewhere where there is a balancer.
    void close_connections() { requests_.close_connections(); }
    /// The same, later: leaves the port.
    void withdraw(Time now) { listener_.withdraw(now); }
    /// Whether it has.
    [[nodiscard]] bool has_left() const { return listener_.has_left(); }

    /// For a worker that ends: accepts nothing more, waits for what the broker says of the messages
    /// under way, for kEndMax at most, answers, and says goodbye.
    void end();

    /// @limit time for the API's last answers when a worker ends
    static constexpr Duration kEndMax = 500ms;

  private:
    /// The link as those see it that send and ask.
    class LinkSender final : public publish::Sender, public ask::Broker {
      public:
        explicit LinkSender(const std::unique_ptr<link::Dispatch>& link) : link_(link) {}
        [[nodiscard]] bool has_broker(std::string_view id) const override {
            return link_->has_broker(id);
        }
        [[nodiscard]] bool can_send(std::string_view id, std::size_t message_bytes) const override {
            return link_->can_send(id, message_bytes);
        }
        std::uint64_t send(std::string_view id, std::string_view text, wire::Confirm confirm,
                           std::string_view attributes) override {
            return link_->send(id, text, confirm, attributes);
        }
        void ask(std::string_view id, const wire::Query& query) override { link_->ask(id, query); }
        void ask(std::string_view id, const wire::History& history) override {
            link_->ask(id, history);
        }

      private:
        const std::unique_ptr<link::Dispatch>& link_;
    };
    /// What the broker says, for those whom it concerns.
    class BrokerEvents final : public session::SenderEvents {
      public:
        BrokerEvents(publish::Publisher& publisher, ask::Who& who, ask::Replays& replays,
                     const std::unique_ptr<link::Dispatch>& link)
            : publisher_(publisher), who_(who), replays_(replays), link_(link) {}
        void on_receipt(std::uint64_t number, const wire::Outcome& outcome) override {
            publisher_.on_known(number, outcome);
        }
        void on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) override {
            publisher_.on_known(number, outcome);
        }
        void on_unknown(std::uint64_t number) override { publisher_.on_unknown(number); }
        void on_answer(const wire::Answer& answer) override { who_.on_answer(answer); }
        void on_kept(const wire::Kept& kept) override { replays_.on_kept(kept); }
        void on_question_refused(wire::Kind kind) override {
            if (kind == wire::Kind::kQuery) {
                who_.on_refused();
            } else {
                replays_.on_refused();
            }
        }
        void on_lost() override {
            if (link_->has_one_broker()) { // else others have what may be sent again
                publisher_.on_lost();
            }
            who_.on_lost();
            replays_.on_lost();
        }

      private:
        publish::Publisher& publisher_;
        ask::Who& who_;
        ask::Replays& replays_;
        const std::unique_ptr<link::Dispatch>& link_;
    };
    /// No route of the API opens a stream.
    class NoStreams final : public stream::StreamOpener {
      public:
        [[nodiscard]] bool open(connection::Handle handle, const wire::IdList& ids,
                                std::uint8_t form, const stream::Beginning& beginning) override;
        [[nodiscard]] bool open_poll(connection::Handle handle, const wire::IdList& ids,
                                     const stream::Beginning& beginning,
                                     stream::PollTerms terms) override;
        void close(connection::Handle handle) override;
    };
    /// Gives a place back when its connection closes.
    class Places final : public connection::CloseListener {
      public:
        explicit Places(port::AddressPlaces& places) : places_(places) {}
        void on_close(connection::Handle /*handle*/, connection::Connection& connection) override {
            places_.give_back(connection.origin());
        }

      private:
        port::AddressPlaces& places_;
    };

    /// Apart from that of the public port, which finds streams by numbers that this table has, too.
    class Log final : public connection::ConnectionLog {
      public:
        explicit Log(const connection::Clients& clients) : clients_(clients) {}
        void on_closing(connection::Handle /*handle*/, const connection::Connection& /*connection*/,
                        connection::CloseReason /*reason*/) override {}
        void on_opened(connection::Handle /*handle*/,
                       const connection::Connection& /*connection*/) override {}
        void on_incident(const connection::Connection& connection, connection::Incident incident,
                         int status) override;
        [[nodiscard]] std::string take(connection::Incident incident) {
            return notes_.take(incident);
        }

      private:
        const connection::Clients& clients_;
        connection::IncidentNotes notes_;
    };
    /// Counters of this port alone that the worker's record has as well.
    struct Shared {
        slot::WorkerCounter own;
        slot::WorkerCounter of_worker;
    };
    /// The answers have counters of their own, since browsers and backends make different mistakes.
    /// A connection that had to go is counted like one of the public port.
    static constexpr std::array kShared{
        Shared{slot::WorkerCounter::kRequests, slot::WorkerCounter::kApiRequests},
        Shared{slot::WorkerCounter::kResponses4xx, slot::WorkerCounter::kApiResponses4xx},
        Shared{slot::WorkerCounter::kResponses5xx, slot::WorkerCounter::kApiResponses5xx},
        Shared{slot::WorkerCounter::kHostRefusals, slot::WorkerCounter::kApiHostRefusals},
        Shared{slot::WorkerCounter::kTokenRefusals, slot::WorkerCounter::kApiTokenRefusals},
        Shared{slot::WorkerCounter::kTokensUnchecked, slot::WorkerCounter::kApiTokensUnchecked},
        Shared{slot::WorkerCounter::kRequestsShed, slot::WorkerCounter::kApiRequestsShed},
        Shared{slot::WorkerCounter::kSlowCloses, slot::WorkerCounter::kSlowCloses},
        Shared{slot::WorkerCounter::kDeadlineCloses, slot::WorkerCounter::kDeadlineCloses},
        Shared{slot::WorkerCounter::kVanishedCloses, slot::WorkerCounter::kVanishedCloses},
        Shared{slot::WorkerCounter::kNoRoomCloses, slot::WorkerCounter::kNoRoomCloses},
        Shared{slot::WorkerCounter::kAddressRefusals, slot::WorkerCounter::kAddressRefusals},
        Shared{slot::WorkerCounter::kFullTimes, slot::WorkerCounter::kFullTimes},
        Shared{slot::WorkerCounter::kProxyRefusals, slot::WorkerCounter::kProxyRefusals},
        Shared{slot::WorkerCounter::kTlsHandshakes, slot::WorkerCounter::kTlsHandshakes},
        Shared{slot::WorkerCounter::kTlsResumed, slot::WorkerCounter::kTlsResumed},
        Shared{slot::WorkerCounter::kTlsFailures, slot::WorkerCounter::kTlsFailures},
    };

    Api(const ApiOptions& options, metrics::Counters<slot::WorkerCounter>& counters,
        const request::Readiness& readiness);

    void accept(Time now);
    void handle_events(Time now);
    /// Passes new messages on, unless others are expected that can go with them.
    [[nodiscard]] bool send(Time now);
    void give_answers(Time now);
    /// The answers that are known.   @return whether there was any.
    bool give(request::LateAnswers& answers, Time now);
    void publish_counters();

    metrics::Counters<slot::WorkerCounter>& worker_counters_;
    metrics::Counters<slot::WorkerCounter> counters_;     // of this port alone
    std::array<std::uint64_t, kShared.size()> counted_{}; // of kShared, in the worker's record
    loop::Epoll epoll_;
    connection::Clients clients_;
    Log log_{clients_};
    std::optional<connection::Secured> secured_; // nothing: it does not speak TLS
    connection::Connections connections_;
    NoStreams no_streams_;
    publish::Publisher publisher_;
    ask::Who who_;
    ask::Replays replays_;
    BrokerEvents broker_events_;
    http::Cors cors_;
    http::PageGuard guard_;
    request::Gate gate_{"", counters_};
    request::Requests requests_;
    port::AddressPlaces address_places_;
    Places places_{address_places_};
    port::Listener listener_;
    std::unique_ptr<link::Dispatch> sender_;
    ExpectedRequests expected_{feed::kSenderGatherWindow};
    std::uint64_t requests_seen_ = 0;
    bool has_clients_ = false; // connections to accept
    LinkSender link_sender_{sender_};
    mutable std::vector<int> fds_; // the epoll set, and those of the sender
};

} // namespace zcomet::webnode::api
