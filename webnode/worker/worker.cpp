#include "webnode/worker/worker.hpp"

#include "topology/base/random.hpp"
#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/net/ip_address.hpp"
#include "topology/process/file_limit.hpp"
#include "topology/tls/certificates.hpp"
#include "webnode/port/descriptor_limit.hpp"
#include "webnode/port/http_port.hpp"
#include "webnode/route/routes.hpp"
#include "webnode/worker/token_keys.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace zcomet::webnode::worker {

namespace {

/// How long ended streams may take to read the bytes kept for them.
/// @limit time for outboxes when a worker ends
constexpr Duration kOutboxesMax = 1s;
/// With the backlog before, and the goodbye behind.
/// @limit time for the steps of a worker that ends
constexpr Duration kEndMax = 1500ms;
/// How long an ending worker accepts connections that the kernel holds for it: the whole backlog of
/// 4,096 takes a tenth of this.
/// @limit time for accepting the backlog when a worker ends
constexpr Duration kBacklogMax = 500ms;

/// Streams that are ended in a turn when the node was replaced: a million must not stop the loop.
/// @limit streams that a replaced node ends in a turn
constexpr std::uint32_t kEndsPerTurn = 256;
/// Slots that a turn of a draining worker looks at for connections without a request. Closing costs
/// some ten µs each.
constexpr std::uint32_t kIdleSlotsPerTurn = 512;
/// Time between two looks at the host with most connections: a look costs microseconds.
constexpr Duration kWatchAddressesEach = 1s;
/// Time between two log lines of a node that was replaced.
constexpr Duration kSayReplacedEach = 60s;

/// Why streams are refused.
constexpr std::string_view kReplacedWords = "another process has the name of this node";
constexpr std::string_view kNoBrokerWords = "this node has no broker";
constexpr std::string_view kEndingWords = "this node is ending";

/// Turns that handle what the broker has sent already, before the goodbye.
constexpr int kLastTurnsMax = 16;

/// The feed's counters as an earlier process left them in the record, so that they only go up.
session::NodeSessionCounters
feed_counters_in(const metrics::Counters<slot::WorkerCounter>& counters) {
    session::NodeSessionCounters feed;
    feed.batches_applied = counters.get(slot::WorkerCounter::kFeedBatches);
    feed.gaps = counters.get(slot::WorkerCounter::kFeedGaps);
    feed.repeats = counters.get(slot::WorkerCounter::kFeedRepeats);
    feed.messages_lost = counters.get(slot::WorkerCounter::kFeedMessagesLost);
    feed.bad_frames = counters.get(slot::WorkerCounter::kFeedBadFrames);
    feed.lists_sent = counters.get(slot::WorkerCounter::kLoginListsSent);
    feed.lost_brokers = counters.get(slot::WorkerCounter::kBrokerLosses);
    feed.feed_reconnects = counters.get(slot::WorkerCounter::kFeedReconnects);
    feed.cut_offs = counters.get(slot::WorkerCounter::kCutOffs);
    feed.cut_off_ms = counters.get(slot::WorkerCounter::kCutOffMs);
    feed.streams_cut_off = counters.get(slot::WorkerCounter::kStreamsCutOff);
    return feed;
}

/// The API's sender beside the node, in the broker's list of peers.
std::string api_name(const std::string& node) {
    constexpr std::string_view kSuffix = ":api";
    return node.substr(0, wire::kNameBytesMax - kSuffix.size()).append(kSuffix);
}

std::vector<std::string> names_of(const WorkerOptions& options) {
    std::vector<std::string> names = options.http_names;
    names.insert(names.end(), options.own_names.begin(), options.own_names.end());
    return names;
}

/// The options are checked already.
connection::Proxies proxies_of(const WorkerOptions& options) {
    connection::Proxies proxies;
    proxies.speak_proxy_protocol = options.proxy_protocol;
    for (const std::string& range : options.trusted_proxies) {
        proxies.trusted.push_back(net::AddressRange::read(range).value());
    }
    return proxies;
}

/// @return nothing: there is no demo page.
std::optional<route::Demo> demo_of(const WorkerOptions& options) {
    if (!options.demo_page && !options.is_http_local) {
        return std::nullopt;
    }
    const std::string_view scheme = options.tls_texts.empty() ? "http://" : "https://";
    route::Demo demo{.is_for_all = options.demo_page, .scheme = std::string(scheme)};
    if (!options.api.host.empty()) {
        const std::string host = wire::reachable_from_here(options.api.host);
        demo.api = demo.scheme + wire::HostPort{host, options.api.port}.text();
    }
    if (options.is_api_local) {
        demo.senders = route::local_origins(options.http.host, options.http.port, demo.scheme);
    }
    return demo;
}

} // namespace

Worker::Worker(WorkerOptions options, slot::WorkerSlot& slot, UniqueFd termination,
               std::function<void()> on_state, process::Hangup::Handler on_hangup)
    : options_(std::move(options)), slot_(slot), termination_(std::move(termination)),
      on_state_(std::move(on_state)), hangup_(std::move(on_hangup)),
      feed_before_(feed_counters_in(slot.counters)),
      held_drops_before_(slot.counters.get(slot::WorkerCounter::kHeldDrops)),
      uplink_(value_or_throw(link::Uplink::open(context_, *this, options_.brokers, options_.name,
                                                Clock::now(), options_.feed_hosts))),
      connections_(loop_.epoll(), slot.counters, options_.slow), presence_(connections_, *uplink_),
      requests_(connections_, presence_, route::routes(demo_of(options_)), slot.counters,
                options_.requests),
      delivery_(connections_, presence_.streams(), slot.counters),
      gap_teller_(connections_, presence_.streams(), slot.counters, random_u64()),
      mover_(connections_, random_u64()),
      resumes_(connections_, presence_.streams(), *uplink_, slot.counters, options_.tell_gaps),
      polls_(connections_, slot.counters),
      signs_of_life_(connections_, slot.counters, options_.heartbeat, Clock::now()),
      listener_(
          loop_.epoll(), slot.counters, loop_.add(accepts_, loop::Order::kAccepts),
          [this] { return connections_.table().connection_count(); }, places_),
      keepalive_(port::KeepaliveTimes::within(options_.vanished_max, options_.heartbeat)),
      keepalive_pacer_(keepalive_.lap, Clock::now()) {
    connections_.add_listener(*this);
    stream_log_.log_each(options_.access_log);
    connections_.set_log(stream_log_);
    presence_.tell_openings_to(gap_teller_);
    presence_.tell_beginnings_to(resumes_);
    delivery_.hold_for(resumes_);
    presence_.use(polls_);
    resumes_.use(polls_);
    gap_teller_.use(polls_);
    requests_.use(polls_);
    if (cors_.is_on()) {
        requests_.allow_origins(cors_);
    }
    use_names();
    use_proxies();
    requests_.guard(guard_);
    listener_.use(clients_);
    requests_.set_clients(clients_, [this](connection::Connection& connection,
                                           const std::optional<net::IpAddress>& client, Time now) {
        return listener_.place_client(connection, client, now);
    });
    presence_.tell_ends_to(expiries_);
    switch (options_.auth) {
    case Who::kPublic: // private updates are for bearers of tokens here, too
        requests_.set_public_gate(gate_);
        break;
    case Who::kByAddress: // which the supervisor has settled; what is not known is not public
    case Who::kToken:
        requests_.set_gate(gate_);
        break;
    case Who::kHook:
        use_hook();
        break;
    }
    requests_.set_readiness(*this);
    loop_.add(*uplink_, loop::Order::kBroker);
    loop_.add(hangup_, loop::Order::kBroker);
    loop_.add(deliveries_, loop::Order::kBroker);
    slot_.reset_gauges();
    use_certificates();
    open_api();
    use_token_keys();
    reports_.begin(slot_.counters);
    enter(slot::WorkerState::kStarting);
}

Worker::~Worker() {
    connections_.remove_listener(*this);
}

void Worker::run() {
    loop_.stop_at(termination_.get());
    while (!drain_.is_over()) {
        turn();
    }
    loop_.stop_at(-1);
    end();
}

void Worker::turn() {
    const Time now = loop_.turn(next_due(), [this](const epoll_event& event, Time at) {
        requests_.on_event(connection::Handle::unpack(event.data.u64), event.events, at);
    });
    if (hook_ != nullptr) {
        hook_->give_verdicts([this, now](request::Ticket ticket, std::string_view request,
                                         const request::Verdict& verdict) {
            requests_.go_on(ticket, request, verdict, now);
        });
    }
    requests_.sweep(now);
    connections_.sweep(now);
    look_for_vanished(now);
    end_streams();
    gap_teller_.turn(now);
    resumes_.turn(now);
    requests_.answer_polls(now);
    signs_of_life_.turn(now);
    expiries_.turn(now, [this](connection::Handle handle, connection::Connection& connection) {
        requests_.end_expired(handle, connection);
    });
    if (loop_.stopped()) {
        take_signals(now);
    }
    drain(now);
    report(now);
    watch_bounds(now);
    publish_counters();
    freed_memory_.turn(now);
    count_turn(now);
}

Time Worker::next_due() const {
    if (ended_slots_ != store::kNoIndex || idle_slots_ != store::kNoIndex) {
        return loop::kAtOnce;
    }
    return std::min(
        {requests_.due(), connections_.due(), freed_memory_.due(), drain_.due(), mover_.due(),
         keepalive_.probes ? keepalive_pacer_.due(connections_.table().slot_bound()) : kNever,
         gap_teller_.due(), resumes_.due(), polls_.due(), signs_of_life_.due(), expiries_.due(),
         turn_due_});
}

bool Worker::Deliveries::turn(Time /*now*/) {
    worker_.deliveries_due_ = false;
    worker_.delivery_.work();
    return worker_.delivery_.unfinished();
}

Time Worker::Deliveries::due() const {
    return worker_.deliveries_due_ ? loop::kAtOnce : kNever;
}

bool Worker::Accepts::turn(Time now) {
    if (worker_.listen_due_) {
        worker_.listen();
    }
    worker_.accept_connections(now);
    return false;
}

Time Worker::Accepts::due() const {
    return worker_.listen_due_ ? loop::kAtOnce : worker_.listener_.due();
}

void Worker::look_for_vanished(Time now) {
    if (!keepalive_.probes) {
        return;
    }
    connection::ConnectionTable& table = connections_.table();
    keepalive_pacer_.turn(
        now, table.slot_bound(),
        [&](std::uint32_t first, std::uint32_t count) {
            table.for_connections_in(
                first, count, [this](connection::Handle, const connection::Connection& connection) {
                    port::settle_keepalive(connection.fd(), keepalive_);
                });
        },
        [&](std::uint32_t first, std::uint32_t count) {
            table.for_connections_in(
                first, count, [this](connection::Handle, const connection::Connection& connection) {
                    port::probe_if_quiet(connection.fd(), keepalive_);
                });
        });
}

void Worker::accept_connections(Time now) {
    listener_.accept(
        now, [this, now](int fd, port::Origin origin) { requests_.on_accepted(fd, now, origin); });
    listener_.leave_or_return(now);
}

/// Before the public port, so that streams do not take its descriptors.
void Worker::open_api() {
    if (options_.api.host.empty()) {
        return;
    }
    api_ = value_or_throw(
        api::Api::open(api_options(), context_, slot_.counters, *this, Clock::now()));
    loop_.add(*api_, loop::Order::kBroker);
}

void Worker::use_hook() {
    hook_ = std::make_unique<hook::Hook>(value_or_throw(hook::read_url(options_.hook_url)),
                                         options_.hook_timeout, connections_, slot_.counters);
    requests_.set_asker(*hook_);
    loop_.add(*hook_, loop::Order::kConnections);
}

/// A file that cannot be used was refused by the supervisor.
void Worker::use_certificates() {
    if (options_.tls_texts.empty() || options_.tls_texts == tls_texts_) {
        return;
    }
    if (tickets_ == nullptr) {
        tickets_ = std::make_shared<tls::TicketKeys>(
            value_or_throw(tls::TicketKeys::of(options_.tls_tickets, wall_clock_s())));
    }
    tls_ = value_or_throw(
        tls::ServerContext::make(tls::certificates_of(options_.tls_texts), tickets_));
    tls_texts_ = options_.tls_texts;
    if (secured_) {
        secured_->use(tls_);
    } else {
        connections_.secure(secured_.emplace(tls_));
    }
}

api::ApiOptions Worker::api_options() const {
    api::ApiOptions options{.address = options_.api,
                            .brokers = options_.brokers,
                            .failover = options_.failover,
                            .name = api_name(options_.name),
                            .requests = options_.requests,
                            .per_address = options_.per_address,
                            .is_local = options_.is_api_local,
                            .wants_token = options_.api_auth != Who::kPublic,
                            .names = names_of(options_),
                            .proxies = proxies_of(options_),
                            .tls = tls_};
    if (const auto demo = demo_of(options_)) {
        options.pages = demo->senders;
    }
    return options;
}

void Worker::use_names() {
    guard_.use(host::HostNames(names_of(options_)));
}

void Worker::use_proxies() {
    clients_.use(proxies_of(options_));
}

void Worker::use_token_keys() {
    if (options_.auth != Who::kToken && options_.api_auth != Who::kToken) {
        return;
    }
    const auto verifier =
        std::make_shared<const auth::Verifier>(keys_of(options_.token_keys), options_.token_rules);
    gate_.use(verifier);
    if (api_ != nullptr) {
        api_->use(verifier);
    }
}

void Worker::listen() {
    listen_due_ = false;
    const std::uint64_t files_max = process::raise_file_limit();
    const std::uint64_t files_of_api =
        api_ == nullptr ? 0 : std::min<std::uint64_t>(api::kFilesMax, files_max / 8);
    const std::uint64_t files_of_hook =
        hook_ == nullptr ? 0 : std::min<std::uint64_t>(hook::kFilesMax, files_max / 8);
    possible_ = port::places_within(files_max - files_of_api - files_of_hook);
    throw_unless_done(listener_.open(options_.http, capacity(),
                                     {.keepalive = keepalive_,
                                      .kernel_bytes = options_.kernel_bytes,
                                      .speaks_tls = tls_ != nullptr}));
    const std::size_t streams_max = capacity().connections;
    slot_.counters.set(slot::WorkerCounter::kStreamsMax, streams_max);
    spdlog::info("event=listening node={} http={} streams_max={} files_max={}", options_.name,
                 options_.http.text(), streams_max, files_max);
    enter(uplink_->live() ? slot::WorkerState::kLive : slot::WorkerState::kLost);
}

port::Capacity Worker::capacity() const {
    port::Capacity capacity = port::split_capacity(possible_, options_.connections_max);
    capacity.per_address = options_.per_address.value_or(capacity.per_address);
    return capacity;
}

void Worker::use_brokers(const cluster::BrokerList& list) {
    const Time now = Clock::now();
    Status used = Done{};
    if (!resumes_.with_history().empty()) {
        used = Error{"the broker keeps messages, and histories want a cluster of one broker"};
    } else {
        used = uplink_->use(list, now);
    }
    if (used.ok() && api_ != nullptr) {
        used = api_->use(list, now);
    }
    if (!used.ok()) {
        spdlog::error("event=list-not-taken node={} version={} told={} text={}", options_.name,
                      uplink_->list().version, list.version, log_value(used.error().text));
        return;
    }
    spdlog::info("event=list node={} version={} brokers={}", options_.name, list.version,
                 list.text());
}

void Worker::set_options(const WorkerOptions& options) {
    if (options.brokers != uplink_->list()) {
        use_brokers(options.brokers);
    }
    const std::string name = std::move(options_.name);
    options_ = options;
    options_.name = name;
    stream_log_.log_each(options_.access_log);
    connections_.set_slow(options_.slow);
    requests_.set_limits(options_.requests);
    use_names();
    use_proxies();
    use_certificates();
    if (api_ != nullptr) {
        api_->set_options(api_options());
    }
    use_token_keys();
    if (hook_ != nullptr) {
        hook_->forget(); // an operator may want that, too
    }
    if (possible_ > 0) {
        listener_.set_capacity(capacity());
        slot_.counters.set(slot::WorkerCounter::kStreamsMax, capacity().connections);
    }
}

void Worker::deliver(const wire::MessageList& messages) {
    deliveries_due_ = true;
    delivery_.deliver(messages);
}

void Worker::for_each_login(const std::function<void(std::string_view id)>& visit) const {
    presence_.for_each_login(visit);
}

wire::NodeLedger Worker::ledger() const {
    const auto& counters = slot_.counters;
    wire::NodeLedger ledger;
    ledger.unclaimed = counters.get(slot::WorkerCounter::kMessagesUnclaimed);
    ledger.shown = counters.get(slot::WorkerCounter::kMessagesGiven);
    ledger.chunks_given = counters.get(slot::WorkerCounter::kChunksGiven);
    ledger.chunks_written = counters.get(slot::WorkerCounter::kChunksWritten);
    ledger.chunks_dropped = counters.get(slot::WorkerCounter::kChunksDropped);
    ledger.chunks_waiting = counters.get(slot::WorkerCounter::kChunksPending);
    ledger.places = stream_count() + listener_.room();
    return ledger;
}

void Worker::on_welcomed() {
    if (!is_replaced_ && !uplink_->live()) {
        enter(slot::WorkerState::kWelcomed);
    }
}

void Worker::on_feed_begun(const wire::HistoryTerms& terms, bool is_first) {
    // A cursor has one position, so streams can go on with one broker only.
    const wire::HistoryTerms history =
        uplink_->placement().brokers() == 1 ? terms : wire::HistoryTerms{};
    if (history.epoch != terms.epoch) {
        spdlog::warn("event=no-history node={} text=\"a broker keeps messages, and streams cannot "
                     "have them: histories want a cluster of one broker\"",
                     options_.name);
    }
    const history::Cursor cursor = is_first ? history::Cursor() : delivery_.cursor();
    resumes_.on_feed_begun(history, cursor);
    delivery_.on_feed_begun(history);
    gap_teller_.leave_out(cursor.epoch != 0 ? resumes_.with_history() : history::Patterns());
}

void Worker::on_live(std::string_view broker_name) {
    spdlog::debug("event=live node={} broker={}", options_.name, log_value(broker_name));
    resumes_.on_live();
    if (!uplink_->live()) {
        return; // another broker's feed is still to come
    }
    // Only now, so that no stream opens while its messages could be lost. Once only: when a broker
    // goes and comes again no browser loses its stream. The first time, the worker counts as live
    // when it listens: the supervisor says "ready" then.
    if (std::exchange(is_replaced_, false)) {
        spdlog::info("event=name-back node={}", options_.name);
        ended_slots_ = store::kNoIndex;
        if (!drain_.has_begun()) {
            listener_.readmit();
        }
    }
    listen_due_ = !listener_.is_open() && !drain_.has_begun();
    if (!listen_due_) {
        enter(slot::WorkerState::kLive);
    }
}

void Worker::on_lost() {
    spdlog::debug("event=lost node={}", options_.name);
    resumes_.on_lost();
    if (!uplink_->live()) { // else each id has another broker
        enter(slot::WorkerState::kLost);
    }
}

void Worker::on_gap(const session::Gap& gap) {
    const Time now = Clock::now();
    if (gap.reason == session::Gap::Reason::kCutOff) {
        spdlog::warn("event=cut-off node={} broker={} ms={} ids={} streams={} text=\"messages may "
                     "be lost\"",
                     options_.name, uplink_->broker(gap.broker).endpoint, in_ms(gap.without_feed),
                     presence_.streams().id_count(), presence_.streams().stream_count());
    } else {
        gap_teller_.leave_out(resumes_.with_history());
        resumes_.on_shed(delivery_.cursor());
    }
    if (const auto times = gap.reason == session::Gap::Reason::kShed ? shed_log_.pass(now) : 0;
        times > 0) {
        spdlog::warn("event=shed node={} messages={} times={} text=\"the broker let messages go, "
                     "since this node did not keep up\"",
                     options_.name, gap.messages, times);
    }
    if (options_.tell_gaps) {
        gap_teller_.begin(now, concerned_by(gap));
    }
}

/// Of a broker that was lost, another one may have taken the ids over.
stream::GapTeller::Concerns Worker::concerned_by(const session::Gap& gap) const {
    const cluster::LoginPlacement& placement = uplink_->placement();
    if (placement.brokers() == 1) {
        return {};
    }
    if (gap.reason == session::Gap::Reason::kShed) {
        return [&placement, broker = gap.broker](std::string_view id) {
            return placement.brokers_of(id).contains(broker);
        };
    }
    return [&placement, broker = gap.broker, live = gap.live](std::string_view id) {
        return placement.serves(broker, live, id);
    };
}

void Worker::on_refused(wire::ErrorCode code, std::string_view text) {
    if (code == wire::ErrorCode::kReplaced) {
        on_replaced(Clock::now());
        return;
    }
    if (const auto times = refusal_log_.pass(Clock::now()); times > 0) {
        spdlog::error("event=refused node={} reason={} times={} text={}", options_.name,
                      wire::name_of(code), times, log_value(text));
    }
    if (!uplink_->live() && !is_replaced_) {
        enter(slot::WorkerState::kRefused);
    }
}

/// The supervisor has all workers drain. A second signal would have it end at once.
void Worker::on_drain_asked() {
    if (drain_.has_begun() || std::exchange(is_drain_asked_, true) || ::getppid() != parent_) {
        return;
    }
    spdlog::info("event=drain-asked node={} text=\"an operator has asked, by way of a broker\"",
                 options_.name);
    static_cast<void>(::kill(parent_, SIGTERM));
}

void Worker::on_newer_list(std::uint64_t version, std::string_view broker_name) {
    if (version <= uplink_->list().version) {
        return; // the brokers are about to be told
    }
    if (const auto times = newer_list_log_.pass(Clock::now()); times > 0) {
        spdlog::warn("event=list-old node={} version={} told={} by={} times={} text=\"the cluster "
                     "file of this web node has an older list of brokers than the broker's\"",
                     options_.name, uplink_->list().version, version, log_value(broker_name),
                     times);
    }
}

void Worker::on_no_broker(std::string_view text) {
    if (const auto times = refusal_log_.pass(Clock::now()); times > 0) {
        spdlog::error("event=no-broker node={} times={} text={}", options_.name, times,
                      log_value(text));
    }
}

/// No message reaches this node any more. Its streams end, so that their browsers connect
/// elsewhere. The session asks again and again; on_live() follows when the name is free.
void Worker::on_replaced(Time now) {
    if (!is_replaced_) {
        is_replaced_ = true;
        slot_.counters.add(slot::WorkerCounter::kReplacedTimes);
        ended_slots_ = 0;
        say_replaced_ = now;
        listener_.withdraw(now);
        enter(slot::WorkerState::kReplaced);
    }
    if (say_replaced_ <= now) {
        say_replaced_ = now + kSayReplacedEach;
        spdlog::error("event=replaced node={} text=\"another process has this name: streams are "
                      "ended, and none is taken until the name is free\"",
                      options_.name);
    }
}

std::string_view Worker::why_no_streams() const {
    if (is_replaced_) {
        return kReplacedWords;
    }
    if (drain_.phase() == Drain::Phase::kMoving || drain_.phase() == Drain::Phase::kFlushing) {
        return kEndingWords;
    }
    const bool may_refuse = options_.without_broker == WithoutBroker::kRefuse;
    // Streams that came before the goodbye are taken, and told of the end like all others.
    return may_refuse && !drain_.is_over() && uplink_->is_cut_off(Clock::now())
               ? kNoBrokerWords
               : std::string_view();
}

std::string_view Worker::why_not_ready() const {
    if (drain_.has_begun()) {
        return kEndingWords;
    }
    if (is_replaced_) {
        return why_no_streams();
    }
    const Time now = Clock::now();
    if (!uplink_->live() || uplink_->is_cut_off(now)) {
        return "this node has no live feed from its broker";
    }
    if (!uplink_->is_in_touch(now)) {
        return "this node has not heard its broker, or its whole feed, for two heartbeats";
    }
    return listener_.is_in_group() ? std::string_view() : "this node has no room";
}

void Worker::end_streams() {
    if (ended_slots_ == store::kNoIndex) {
        return;
    }
    connection::ConnectionTable& table = connections_.table();
    const std::uint64_t before = presence_.streams().stream_count();
    table.for_connections_in(ended_slots_, kEndsPerTurn,
                             [this](connection::Handle handle, connection::Connection& connection) {
                                 requests_.end_if_stream(handle, connection);
                             });
    slot_.counters.add(slot::WorkerCounter::kReplacedCloses,
                       before - presence_.streams().stream_count());
    ended_slots_ += kEndsPerTurn;
    if (ended_slots_ >= table.slot_bound()) {
        ended_slots_ = store::kNoIndex;
    }
}

void Worker::on_no_feed(std::string_view text) {
    if (const auto times = refusal_log_.pass(Clock::now()); times > 0) {
        spdlog::error("event=no-feed node={} times={} text={}", options_.name, times,
                      log_value(text));
    }
}

void Worker::enter(slot::WorkerState state) {
    if (slot_.state.load(std::memory_order_relaxed) == slot::WorkerState::kDraining) {
        return; // whatever the broker still says
    }
    slot_.state.store(state, std::memory_order_relaxed);
    on_state_();
}

void Worker::on_close(connection::Handle /*handle*/, connection::Connection& connection) {
    places_.give_back(connection.origin());
    if (drain_.has_begun() && connection.parked() && !tells_ends_) {
        slot_.counters.add(slot::WorkerCounter::kStreamsLeft);
    }
}

void Worker::count_turn(Time now) {
    turn_due_ = now + slot::kTurnsApartMax;
    slot_.turns.store(slot_.turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Worker::publish_counters() {
    auto& counters = slot_.counters;
    counters.set(slot::WorkerCounter::kStreams, presence_.streams().stream_count());
    counters.set(slot::WorkerCounter::kConnections, connections_.table().connection_count());
    counters.set(slot::WorkerCounter::kIds, presence_.streams().id_count());
    counters.set(slot::WorkerCounter::kPendingBytes, connections_.pending_bytes());
    counters.set(slot::WorkerCounter::kUnfinishedBytes, requests_.unfinished_bytes());
    counters.set(slot::WorkerCounter::kBrokersLive, uplink_->live_brokers());
    counters.set(slot::WorkerCounter::kCatchingUp, resumes_.size());
    counters.set(slot::WorkerCounter::kHeldBytes, resumes_.held_bytes());
    counters.set(slot::WorkerCounter::kHeldDrops, held_drops_before_ + resumes_.held_drops());
    counters.set(slot::WorkerCounter::kPolls, polls_.size());
    counters.set(slot::WorkerCounter::kHookWaiting, hook_ == nullptr ? 0 : hook_->waiting());
    const session::NodeSessionCounters feed = uplink_->counters();
    const session::NodeSessionCounters& before = feed_before_;
    counters.set(slot::WorkerCounter::kFeedBatches, before.batches_applied + feed.batches_applied);
    counters.set(slot::WorkerCounter::kFeedGaps, before.gaps + feed.gaps);
    counters.set(slot::WorkerCounter::kFeedRepeats, before.repeats + feed.repeats);
    counters.set(slot::WorkerCounter::kFeedMessagesLost, before.messages_lost + feed.messages_lost);
    counters.set(slot::WorkerCounter::kFeedBadFrames, before.bad_frames + feed.bad_frames);
    counters.set(slot::WorkerCounter::kLoginListsSent, before.lists_sent + feed.lists_sent);
    counters.set(slot::WorkerCounter::kBrokerLosses, before.lost_brokers + feed.lost_brokers);
    counters.set(slot::WorkerCounter::kFeedReconnects,
                 before.feed_reconnects + feed.feed_reconnects);
    counters.set(slot::WorkerCounter::kCutOffs, before.cut_offs + feed.cut_offs);
    counters.set(slot::WorkerCounter::kCutOffMs, before.cut_off_ms + feed.cut_off_ms);
    counters.set(slot::WorkerCounter::kStreamsCutOff,
                 before.streams_cut_off + feed.streams_cut_off);
}

void Worker::report(Time now) {
    reports_.turn({.options = options_,
                   .counters = slot_.counters,
                   .stream_log = stream_log_,
                   .connections = connections_,
                   .guard = guard_,
                   .gate = gate_,
                   .hook = hook_.get(),
                   .api = api_.get(),
                   .why_streams_are_refused = is_replaced_         ? kReplacedWords
                                              : drain_.has_begun() ? kEndingWords
                                                                   : kNoBrokerWords},
                  now);
}

void Worker::watch_bounds(Time now) {
    if (watch_addresses_ <= now) {
        watch_addresses_ = now + kWatchAddressesEach;
        listener_.watch_addresses();
        if (api_ != nullptr) {
            api_->watch_addresses();
        }
    }
    const auto watch = [this](Nearness& nearness, std::string_view limit, std::uint64_t used,
                              std::uint64_t bound) {
        if (nearness.note(used, bound)) {
            spdlog::warn("event=near-limit node={} limit={} used={} of={}", options_.name, limit,
                         used, bound);
        }
    };
    watch(near_max_streams_, "max-streams", connections_.table().connection_count(),
          slot_.counters.get(slot::WorkerCounter::kStreamsMax));
    watch(near_request_memory_, "request-memory", requests_.unfinished_bytes(),
          options_.requests.bytes_max);
    if (api_ != nullptr) {
        watch(near_api_request_memory_, "api-request-memory", api_->unfinished_bytes(),
              options_.requests.bytes_max);
    }
    watch(near_stream_memory_, "stream-memory", connections_.pending_bytes(),
          options_.slow.sum_bytes_max);
}

/// A worker whose supervisor is gone has nobody who would start the next one at its port.
void Worker::take_signals(Time now) {
    while (const auto signal = program::take_termination_signal(termination_)) {
        const bool may_drain = *signal == SIGTERM && ::getppid() == parent_;
        if (may_drain) {
            drain_.begin({options_.drain_grace, options_.drain_within},
                         presence_.streams().stream_count(), now);
        } else {
            drain_.cut_short();
        }
    }
    enter(slot::WorkerState::kDraining);
    loop_.stop_at(termination_.get()); // for the next one
}

void Worker::drain(Time now) {
    if (!drain_.has_begun()) {
        return;
    }
    const auto state = [this] {
        const bool api_has_left = api_ == nullptr || api_->has_left();
        return Drain::State{presence_.streams().stream_count(), listener_.has_left(),
                            connections_.pending_bytes() > 0 || !api_has_left};
    };
    while (drain_.step(state(), now)) {
        on_phase(now);
    }
    move_streams(now);
    end_idle();
}

/// Backends publish until the last stream is gone.
void Worker::on_phase(Time now) {
    switch (drain_.phase()) {
    case Drain::Phase::kLeaving:
        listener_.withdraw(now);
        requests_.close_connections();
        idle_slots_ = 0;
        if (api_ != nullptr) {
            api_->close_connections();
        }
        break;
    case Drain::Phase::kMoving:
        listener_.close();
        mover_.begin(now, options_.drain_within, presence_.streams().stream_count());
        break;
    case Drain::Phase::kFlushing:
        if (api_ != nullptr) {
            api_->withdraw(now);
        }
        break;
    case Drain::Phase::kServing:
    case Drain::Phase::kNoticing:
    case Drain::Phase::kOver:
        break;
    }
}

void Worker::move_streams(Time now) {
    tells_ends_ = true;
    mover_.turn(now, presence_.streams().stream_count(),
                [this, now](connection::Handle handle, connection::Connection& connection) {
                    requests_.move_stream(handle, connection, now);
                });
    tells_ends_ = false;
}

void Worker::end_idle() {
    if (idle_slots_ == store::kNoIndex) {
        return;
    }
    connection::ConnectionTable& table = connections_.table();
    table.for_connections_in(idle_slots_, kIdleSlotsPerTurn,
                             [this](connection::Handle handle, connection::Connection& connection) {
                                 requests_.end_if_idle(handle, connection);
                             });
    idle_slots_ += kIdleSlotsPerTurn;
    if (idle_slots_ >= table.slot_bound()) {
        idle_slots_ = store::kNoIndex;
    }
}

void Worker::end() {
    termination_.reset();
    const Time now = Clock::now();
    const Time latest = now + kEndMax;
    accept_backlog();
    for (int turns = 0; turns < kLastTurnsMax && uplink_->turn(now); ++turns) {
        delivery_.work();
    }
    if (api_ != nullptr) {
        api_->end();
        loop_.remove(*api_);
    }
    uplink_->close(now);
    finish_deliveries(latest);
    tells_ends_ = true;
    requests_.end_all();
    slot_.counters.set(slot::WorkerCounter::kStreams, 0); // all are told
    count_turn(Clock::now());
    wait_for_outboxes(latest);
    publish_counters();
    count_turn(Clock::now());
}

/// Connections that the kernel has accepted for us get an answer instead of a reset.
void Worker::accept_backlog() {
    listener_.turn_away_for_good();
    const Time end = Clock::now() + kBacklogMax;
    do {
        accept_connections(Clock::now());
    } while (listener_.has_waiting() && Clock::now() < end);
    listener_.close();
    loop_.remove(accepts_); // a feed that becomes live now must not open the port
}

void Worker::finish_deliveries(Time latest) {
    while (delivery_.unfinished() && Clock::now() < latest) {
        delivery_.work();
    }
    if (const std::uint64_t chunks = delivery_.abandon(); chunks > 0) {
        spdlog::warn("event=drain-cut node={} chunks_dropped={} text=\"some streams of ids with "
                     "very many did not get their last messages\"",
                     options_.name, chunks);
    }
}

void Worker::wait_for_outboxes(Time latest) {
    const Time end = std::min(latest, Clock::now() + kOutboxesMax);
    while (Clock::now() < end && connections_.table().connection_count() > 0) {
        loop_.turn(end, [this](const epoll_event& event, Time) {
            const auto handle = connection::Handle::unpack(event.data.u64);
            if (connection::Connection* connection = connections_.table().find(handle)) {
                static_cast<void>(connections_.flush(handle, *connection));
            }
        });
    }
    // Closed now, and not by the end of the process, so that their waiting messages count as
    // dropped.
    connections_.table().for_each_connection(
        [this](connection::Handle handle, const connection::Connection&) {
            connections_.close(handle, connection::CloseReason::kDone);
        });
}

} // namespace zcomet::webnode::worker
