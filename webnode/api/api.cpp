#include "webnode/api/api.hpp"

#include "topology/base/check.hpp"
#include "topology/base/random.hpp"
#include "topology/net/ip_address.hpp"
#include "webnode/port/descriptor_limit.hpp"
#include "webnode/port/keepalive.hpp"
#include "webnode/route/routes.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::webnode::api {

namespace {

/// What the epoll set reports for the listener. Connections have numbers from 2^32 on.
constexpr std::uint64_t kListenerTag = 0;

/// Sockets of dead backends are found as those of dead browsers are.
constexpr std::chrono::seconds kVanishedMax = 60s;

port::Capacity capacity_of(const ApiOptions& options) {
    port::Capacity capacity =
        port::split_capacity(options.connections_max, options.connections_max);
    capacity.per_address = options.per_address.value_or(capacity.per_address);
    return capacity;
}

} // namespace

bool Api::NoStreams::open(connection::Handle /*handle*/, const wire::IdList& /*ids*/,
                          std::uint8_t /*form*/, const stream::Beginning& /*beginning*/) {
    constexpr bool kMayOpenStreams = false;
    ZCOMET_ASSERT(kMayOpenStreams);
    return kMayOpenStreams;
}

bool Api::NoStreams::open_poll(connection::Handle handle, const wire::IdList& ids,
                               const stream::Beginning& beginning, stream::PollTerms /*terms*/) {
    return open(handle, ids, 0, beginning);
}

void Api::NoStreams::close(connection::Handle handle) {
    static_cast<void>(open(handle, {}, 0, {}));
}

void Api::Log::on_incident(const connection::Connection& connection, connection::Incident incident,
                           int status) {
    notes_.note(incident, status, [&] { return " address=" + clients_.text(connection.fd()); });
}

Api::Api(const ApiOptions& options, metrics::Counters<slot::WorkerCounter>& counters,
         const request::Readiness& readiness)
    : worker_counters_(counters), connections_(epoll_, counters_, {}), publisher_(counters),
      broker_events_(publisher_, who_, replays_, sender_), cors_(options.pages),
      guard_(host::HostNames(options.names)),
      requests_(connections_, no_streams_, route::api_routes(publisher_, who_, replays_), counters_,
                options.requests),
      address_places_(random_u64()), listener_(
                                         epoll_, counters_, kListenerTag,
                                         [this] { return connections_.table().connection_count(); },
                                         address_places_, " port=api") {
    connections_.add_listener(places_);
    connections_.set_log(log_);
    if (options.tls != nullptr) {
        connections_.secure(secured_.emplace(options.tls));
    }
    requests_.set_readiness(readiness);
    if (options.wants_token) {
        requests_.set_gate(gate_);
    }
    requests_.guard(guard_);
    clients_.use(options.proxies);
    listener_.use(clients_);
    requests_.set_clients(clients_, [this](connection::Connection& connection,
                                           const std::optional<net::IpAddress>& client, Time now) {
        return listener_.place_client(connection, client, now);
    });
    if (options.is_local) {
        guard_.allow_only(options.pages);
    }
    if (cors_.is_on()) {
        requests_.allow_origins(cors_);
    }
}

Result<std::unique_ptr<Api>> Api::open(const ApiOptions& options, link::LinkContext& context,
                                       metrics::Counters<slot::WorkerCounter>& counters,
                                       const request::Readiness& readiness, Time now) {
    std::unique_ptr<Api> api(new Api(options, counters, readiness));
    auto sender = link::Dispatch::open(context, api->broker_events_, options.brokers, options.name,
                                       now, options.failover);
    if (!sender.ok()) {
        return sender.error();
    }
    api->sender_ = std::move(sender).value();
    api->publisher_.use(api->link_sender_);
    api->who_.use(api->link_sender_);
    api->replays_.use(api->link_sender_);
    const Status listens =
        api->listener_.open(options.address, capacity_of(options),
                            {.keepalive = port::KeepaliveTimes::within(kVanishedMax),
                             .kernel_bytes = 0,
                             .speaks_tls = options.tls != nullptr});
    if (!listens.ok()) {
        return listens.error();
    }
    return api;
}

Status Api::use(const cluster::BrokerList& list, Time now) {
    return sender_->use(list, now);
}

void Api::set_options(const ApiOptions& options) {
    requests_.set_limits(options.requests);
    clients_.use(options.proxies);
    guard_.use(host::HostNames(options.names));
    listener_.set_capacity(capacity_of(options));
    if (secured_) {
        secured_->use(options.tls);
    }
}

std::span<const int> Api::fds() const {
    const std::span<const int> of_sender = sender_->fds();
    fds_.assign(1, epoll_.fd());
    fds_.insert(fds_.end(), of_sender.begin(), of_sender.end());
    return fds_;
}

bool Api::turn(Time now) {
    handle_events(now);
    accept(now);
    requests_.sweep(now);
    connections_.sweep(now);
    const bool has_more = send(now);
    who_.turn(now);
    replays_.turn(now);
    give_answers(now);
    publish_counters();
    return has_more;
}

Time Api::due() const {
    return std::min({requests_.due(), connections_.due(), listener_.due(), sender_->due(),
                     who_.due(), replays_.due()});
}

void Api::handle_events(Time now) {
    for (const epoll_event& event : epoll_.wait(now, now)) {
        if (event.data.u64 == kListenerTag) {
            has_clients_ = true;
        } else {
            requests_.on_event(connection::Handle::unpack(event.data.u64), event.events, now);
        }
    }
}

/// Epoll reports the socket again while connections wait.
void Api::accept(Time now) {
    if (!std::exchange(has_clients_, false) && listener_.due() > now) {
        return;
    }
    listener_.accept(
        now, [this, now](int fd, port::Origin origin) { requests_.on_accepted(fd, now, origin); });
    listener_.leave_or_return(now);
}

bool Api::send(Time now) {
    const std::uint64_t requests = counters_.get(slot::WorkerCounter::kRequests);
    expected_.on_requests(requests - std::exchange(requests_seen_, requests));
    if (!expected_.any(now)) {
        sender_->hurry();
    }
    return sender_->turn(now);
}

/// An answer may let the next request of its connection in, which sends more.
void Api::give_answers(Time now) {
    while (give(publisher_.answers(), now) || give(who_.answers(), now) ||
           give(replays_.answers(), now)) {
        static_cast<void>(send(now));
    }
}

bool Api::give(request::LateAnswers& answers, Time now) {
    std::size_t given = 0;
    answers.give([&](request::Ticket ticket, const http::Reply& reply) {
        given += requests_.finish(ticket, reply, now) ? 1 : 0;
    });
    expected_.on_answers(given, now);
    return given > 0;
}

void Api::publish_counters() {
    worker_counters_.set(slot::WorkerCounter::kApiConnections,
                         connections_.table().connection_count());
    worker_counters_.set(slot::WorkerCounter::kApiUnfinishedBytes, requests_.unfinished_bytes());
    for (std::size_t n = 0; n < kShared.size(); ++n) {
        const std::uint64_t count = counters_.get(kShared[n].own);
        worker_counters_.add(kShared[n].of_worker, count - std::exchange(counted_[n], count));
    }
}

void Api::end() {
    listener_.close();
    for (const Time end = Clock::now() + kEndMax;
         sender_->welcomed() && publisher_.awaits_any() && Clock::now() < end;) {
        static_cast<void>(epoll_.wait(Clock::now(), Clock::now() + 1ms));
        static_cast<void>(turn(Clock::now()));
    }
    requests_.end_all();
    sender_->close(Clock::now());
    publish_counters();
}

} // namespace zcomet::webnode::api
