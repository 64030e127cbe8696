#include "webnode/supervisor/supervisor.hpp"

#include "topology/admin/stats_pages.hpp"
#include "topology/base/check.hpp"
#include "topology/base/text.hpp"
#include "topology/base/time.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/host/host_names.hpp"
#include "topology/net/own_names.hpp"
#include "topology/process/file_limit.hpp"
#include "topology/program/program.hpp"
#include "topology/program/run_as.hpp"
#include "topology/tls/ticket_keys.hpp"
#include "webnode/supervisor/guards.hpp"
#include "webnode/supervisor/stats.hpp"
#include "webnode/worker/drain.hpp"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace zcomet::webnode::supervisor {

namespace {

/// A broker on this machine welcomes a node within milliseconds, one far away within some hundred
/// milliseconds.
constexpr Duration kWelcomePatience = 1500ms;

/// What a drain takes beside its grace and its seconds: the port is left, the last streams are
/// moved, and they read.
constexpr Duration kLastStepsMax =
    worker::Drain::kLeavingMax + worker::Drain::kMovingSlack + worker::Drain::kFlushingMax;
/// For the service manager: a broker of our own ends within milliseconds.
constexpr Duration kBrokerPatience = 2s;

/// How the broker's absence is told, by what the workers know of it.
struct LackWords {
    std::string_view event;
    std::string_view text;
};
constexpr LackWords kNoAnswerWords{"broker-unreachable", "no answer, trying on"};
constexpr LackWords kNoFeedWords{
    "feed-unreachable",
    "the broker answers, but nothing comes from its feed; event=no-feed names its address"};
constexpr LackWords kRefusedWords{"broker-refuses",
                                  "the broker answers, but refuses; event=refused says why"};

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

/// Names have bounds; a long host name loses its end, not the port.
std::string default_name(std::uint16_t port) {
    constexpr std::size_t kHostBytesMax = 48;
    return host_name().substr(0, kHostBytesMax) + ":" + std::to_string(port);
}

/// An address that a browser on this machine can open.
std::string browser_url(const wire::HostPort& address, bool speaks_tls) {
    return (speaks_tls ? "https://" : "http://") +
           wire::HostPort{wire::reachable_from_here(address.host), address.port}.text();
}

} // namespace

Supervisor::Supervisor(CommandLine& line, UniqueFd termination, std::function<bool()> reload,
                       std::string program)
    : line_(line), options_(line.options()), program_(std::move(program)),
      secrets_(line.table().secrets()), reread_(::memfd_create("zcomet-options", MFD_CLOEXEC)),
      termination_(std::move(termination)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      shared_(slot::SharedSlots::create(options_.workers, "zcomet-workers")),
      workers_(options_.workers),
      hangup_([this, reload = std::move(reload)](std::optional<int> /*passed*/) {
          if (reload()) {
              pass_options_on();
          }
      }) {
    if (!wake_.valid() || !reread_.valid()) {
        throw std::system_error(errno, std::generic_category(), "cannot make a descriptor");
    }
    for (Worker& worker : workers_) {
        worker.hang = process::HangWatch(options_.hang_after);
    }
}

Supervisor::~Supervisor() {
    end_all();
}

void Supervisor::run() {
    reserve();
    program::log_settings(line_.table());
    log_auth();
    if (options_.worker.brokers.version != 0) {
        spdlog::info("event=list version={} brokers={}", options_.worker.brokers.version,
                     options_.worker.brokers.text());
    }
    if (!options_.worker.tls_texts.empty()) {
        spdlog::info("event=tls certificates={} text=\"--http and --api speak https\"",
                     options_.tls_cert_files.size());
        renew_tickets(Clock::now());
    }
    program::warn_of_root();
    if (options_.embedded_broker) {
        throw_unless_done(broker_.start(options_.histories, options_.hang_after, Clock::now()));
    }
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        start_worker(i, Clock::now());
    }
    if (!options_.admin.host.empty()) {
        WebNodeStats about{options_.worker.name, options_.worker.http.text(), shared_.records()};
        admin_ = value_or_throw(
            admin::AdminServer::open(options_.admin, admin::stats_pages([this, about]() mutable {
                                         about.host_refusals = admin_->counts().misdirected;
                                         return stats_snapshot(about);
                                     })));
        use_names();
    }
    renew_fds();
    if (options_.embedded_broker) {
        loop_.add(broker_.source(), loop::Order::kBroker);
    }
    loop_.add(*this, loop::Order::kBroker);
    loop_.add(service_, loop::Order::kBroker);
    loop_.add(hangup_, loop::Order::kBroker);
    if (admin_ != nullptr) {
        loop_.add(*admin_, loop::Order::kAccepts);
    }
    // A worker that dies of the signal itself (Ctrl-C reaches the workers, too) is not started
    // again: the loop gives no source a turn any more.
    loop_.run(termination_.get());
    end_in_order();
}

bool Supervisor::turn(Time now) {
    now_ = now;
    eventfd_t changes = 0;
    static_cast<void>(::eventfd_read(wake_.get(), &changes));
    if (tickets_due_ <= now) {
        renew_tickets(now);
    }
    check_workers(now);
    if (!ending_) {
        watch_broker(now);
        announce_when_ready();
    }
    return false;
}

void Supervisor::renew_fds() {
    fds_ = {wake_.get()};
    for (const Worker& worker : workers_) {
        fds_.push_back(worker.process.fd());
    }
    ++fds_version_;
}

void Supervisor::reserve() {
    const wire::HostPort http = options_.worker.http;
    port_ = value_or_throw(port::reserve_port(options_.worker.http));
    options_.worker.http = port_.address;
    options_.worker.is_http_local = port_.is_loopback;
    reserve_api();
    settle_guards(options_);
    options_.worker.own_names = net::own_names({http, options_.worker.api, options_.admin});
    if (options_.worker.name.empty()) {
        options_.worker.name = default_name(options_.worker.http.port);
    }
}

/// Two web nodes on a developer's machine must not fail for a port that neither was told to take.
void Supervisor::reserve_api() {
    wire::HostPort& api = options_.worker.api;
    if (api.host.empty()) {
        return;
    }
    Result<port::ReservedPort> reserved = port::reserve_port(api);
    if (!reserved.ok() && options_.worker.is_api_unasked) {
        spdlog::warn("event=no-api api={} text={}", api.text(), log_value(reserved.error().text));
        api = {};
        return;
    }
    api_port_ = value_or_throw(std::move(reserved));
    api = api_port_.address;
    options_.worker.is_api_local = api_port_.is_loopback;
}

/// So that an operator learns who may, without having asked.
void Supervisor::log_auth() const {
    const worker::WorkerOptions& worker = options_.worker;
    const auto name_of = [](worker::Who who) {
        return worker::kWhoNames[static_cast<std::size_t>(who)];
    };
    const bool has_api = !worker.api.host.empty();
    const bool is_open_to_others = worker.auth == worker::Who::kPublic && !worker.is_http_local;
    spdlog::log(is_open_to_others ? spdlog::level::warn : spdlog::level::info,
                "event=auth streams={} publishing={} text={}", name_of(worker.auth),
                has_api ? name_of(worker.api_auth) : "-",
                log_value(is_open_to_others
                              ? "whoever reaches --http may listen to every id: --auth token "
                                "asks for tokens"
                          : worker.auth == worker::Who::kHook
                              ? "only whom --auth-hook lets in may listen"
                              : "only this machine, or the bearer of a token"));
}

void Supervisor::start_worker(std::size_t index, Time now) {
    Worker& worker = workers_[index];
    slot::WorkerSlot& slot = shared_.records()[index];
    slot.reset_gauges();
    worker.started = now;
    worker.restart_at = kNever;
    process::ChildProcess::Spec spec;
    spec.program = program_;
    spec.arguments = line_.worker_arguments({static_cast<unsigned>(index) + 1, ::getpid()});
    spec.descriptors = {shared_.fd(), wake_.get(), secrets_.get(), reread_.get()};
    Result<process::ChildProcess> process = process::ChildProcess::start(spec);
    if (!process.ok()) {
        spdlog::error("event=worker-not-started worker={} text={}", index + 1,
                      log_value(process.error().text));
        worker.restart_at = now + process::RestartDelay::kLongestPause;
        return;
    }
    worker.process = std::move(process).value();
    worker.hang.start(slot.turns.load(std::memory_order_relaxed), now);
    slot.pid.store(worker.process.pid(), std::memory_order_relaxed);
    renew_fds();
}

std::string Supervisor::node_name(std::size_t index) const {
    return options_.worker.name + "/" + std::to_string(index + 1);
}

void Supervisor::renew_tickets(Time now) {
    tickets_due_ = now + std::chrono::seconds(tls::kTicketPeriodSeconds);
    std::string& secret = options_.worker.tls_tickets;
    secret = tls::TicketKeys::advance(secret, wall_clock_s());
    secrets_ = line_.table().secrets(); // for workers that start from now on
}

Time Supervisor::due() const {
    Time due = tickets_due_;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        due = std::min(due, workers_[i].restart_at);
        if (workers_[i].process.running()) {
            due = std::min(due, workers_[i].hang.due());
        }
        const slot::WorkerState state = shared_.records()[i].state.load(std::memory_order_relaxed);
        const bool waits =
            state == slot::WorkerState::kStarting || state == slot::WorkerState::kWelcomed;
        const Time warn_at = workers_[i].started + kWelcomePatience;
        if (waits && !broker_missed_ && warn_at > now_) {
            due = std::min(due, warn_at);
        }
    }
    return due;
}

void Supervisor::check_workers(Time now) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Worker& worker = workers_[i];
        const slot::WorkerState state = shared_.records()[i].state.load(std::memory_order_relaxed);
        worker.has_listened = worker.has_listened || state == slot::WorkerState::kLive;
        if (worker.process.running()) {
            if (const auto end = worker.process.reap()) {
                on_worker_end(i, *end, now);
            }
        }
        if (worker.process.running()) {
            watch_for_hang(i, now);
        }
        if (worker.restart_at <= now && !ending_) {
            start_worker(i, now);
        }
    }
}

/// A worker that hangs keeps its share of the port, and the streams on it get nothing.
void Supervisor::watch_for_hang(std::size_t index, Time now) {
    Worker& worker = workers_[index];
    const slot::WorkerSlot& slot = shared_.records()[index];
    switch (worker.hang.look(slot.turns.load(std::memory_order_relaxed), now)) {
    case process::HangWatch::Verdict::kFine:
        break;
    case process::HangWatch::Verdict::kAbort:
        spdlog::error("event=hung worker={} pid={} still_ms={} node={}", index + 1,
                      worker.process.pid(), in_ms(worker.hang.still()), node_name(index));
        worker.process.signal(SIGABRT);
        break;
    case process::HangWatch::Verdict::kKill:
        worker.process.signal(SIGKILL);
        break;
    }
}

void Supervisor::on_worker_end(std::size_t index, const process::ProcessEnd& end, Time now) {
    renew_fds();
    if (ending_) {
        on_last_end(index, end);
        return;
    }
    Worker& worker = workers_[index];
    slot::WorkerSlot& slot = shared_.records()[index];
    slot.state.store(slot::WorkerState::kDown, std::memory_order_relaxed);
    slot.pid.store(0, std::memory_order_relaxed);
    slot.reset_gauges();
    if (!worker.has_listened && !end.signalled && end.code != 0) {
        // It has said why on standard error, and would say the same again.
        throw std::runtime_error("worker " + std::to_string(index + 1) +
                                 " cannot start: " + end.text());
    }
    slot.restarts.fetch_add(1, std::memory_order_relaxed);
    worker.restart_at = now + worker.delay.after(now - worker.started);
    spdlog::error("event=worker-died worker={} how={} restart_ms={} node={}", index + 1,
                  log_value(end.text()), in_ms(worker.restart_at - now), node_name(index));
}

void Supervisor::announce_when_ready() {
    const bool all_listen = std::all_of(workers_.begin(), workers_.end(),
                                        [](const Worker& worker) { return worker.has_listened; });
    if (announced_ || !all_listen) {
        return;
    }
    announced_ = true;
    log_capacity();
    const bool speaks_tls = !options_.worker.tls_texts.empty();
    std::string fields = "http=" + browser_url(options_.worker.http, speaks_tls);
    if (!options_.worker.api.host.empty()) {
        fields += " api=" + browser_url(options_.worker.api, speaks_tls);
    }
    if (admin_) {
        fields += " admin=" + admin_->address().text();
    }
    fields += " workers=" + std::to_string(workers_.size());
    program::print_ready("zcomet-webnode", fields);
    service_.ready(now_);
}

void Supervisor::log_capacity() {
    std::uint64_t streams_max = 0;
    for (const slot::WorkerSlot& slot : shared_.records()) {
        streams_max += slot.counters.get(slot::WorkerCounter::kStreamsMax);
    }
    const bool as_asked =
        streams_max == std::uint64_t{options_.worker.connections_max} * workers_.size();
    spdlog::info("event=capacity workers={} streams_max={} files_max={} bound={} text=\"for more "
                 "streams raise what bounds them, or --workers: zcomet-webnode(1), LIMITS\"",
                 workers_.size(), streams_max, process::file_limit_max(),
                 as_asked ? "max-streams" : "files");
}

bool Supervisor::lacks_broker(std::size_t index, Time now) const {
    switch (shared_.records()[index].state.load(std::memory_order_relaxed)) {
    case slot::WorkerState::kStarting:
    case slot::WorkerState::kWelcomed:
        return now - workers_[index].started >= kWelcomePatience;
    case slot::WorkerState::kLost:
    case slot::WorkerState::kRefused:
        return true;
    case slot::WorkerState::kDown:
    case slot::WorkerState::kLive:
    case slot::WorkerState::kDraining:
    case slot::WorkerState::kReplaced: // the broker is heard, and has said so
        break;
    }
    return false;
}

void Supervisor::watch_broker(Time now) {
    std::size_t missing = 0;
    std::array<std::size_t, slot::kWorkerStates> in_state{};
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        missing += lacks_broker(i, now) ? 1 : 0;
        const auto state = shared_.records()[i].state.load(std::memory_order_relaxed);
        ++in_state[static_cast<std::size_t>(state)];
    }
    const auto in = [&](slot::WorkerState state) {
        return in_state[static_cast<std::size_t>(state)];
    };
    const std::size_t live = in(slot::WorkerState::kLive);
    if (missing > 0 && !broker_missed_) {
        broker_missed_ = true;
        const LackWords words = in(slot::WorkerState::kRefused) > 0    ? kRefusedWords
                                : in(slot::WorkerState::kWelcomed) > 0 ? kNoFeedWords
                                                                       : kNoAnswerWords;
        spdlog::warn("event={} broker={} workers_live={} workers={} text={}", words.event,
                     options_.worker.brokers.text(), live, workers_.size(), log_value(words.text));
    } else if (broker_missed_ && live == workers_.size()) {
        broker_missed_ = false;
        spdlog::info("event=broker-reached broker={} workers_live={}",
                     options_.worker.brokers.text(), live);
    }
    watch_some_brokers();
}

/// Of several brokers some are away, and every id has another one.
void Supervisor::watch_some_brokers() {
    const std::size_t all = options_.worker.brokers.brokers.size();
    std::size_t least = all;
    if (all == 1) {
        return;
    }
    for (const slot::WorkerSlot& record : shared_.records()) {
        if (record.state.load(std::memory_order_relaxed) == slot::WorkerState::kLive) {
            least = std::min<std::size_t>(least,
                                          record.counters.get(slot::WorkerCounter::kBrokersLive));
        }
    }
    if (least < all && !broker_away_) {
        broker_away_ = true;
        spdlog::warn(
            "event=broker-away brokers_live={} brokers={} broker={} text=\"others have its "
            "ids\"",
            least, all, options_.worker.brokers.text());
    } else if (broker_away_ && least == all) {
        broker_away_ = false;
        spdlog::info("event=brokers-back brokers={}", all);
    }
}

void Supervisor::use_names() {
    if (admin_ != nullptr) {
        std::vector<std::string> names = options_.worker.http_names;
        const std::vector<std::string>& own = options_.worker.own_names;
        names.insert(names.end(), own.begin(), own.end());
        admin_->use(host::HostNames(std::move(names)));
    }
}

/// In a file, since a queued signal carries no more than a number.
void Supervisor::pass_options_on() {
    use_names();
    secrets_ = line_.table().secrets(); // for workers that start from now on
    line_.table().write_for_workers(reread_.get());
    const int log_level = program::log_level();
    for (const Worker& worker : workers_) {
        if (worker.process.running()) {
            process::pass_hangup_on(worker.process.pid(), log_level);
        }
    }
    broker_.pass_hangup_on(log_level);
}

/// All goes on meanwhile: the broker is kept, and the admin page shows how far the workers are.
void Supervisor::end_in_order() {
    const Time began = Clock::now();
    const Duration drain_max =
        options_.worker.drain_grace + options_.worker.drain_within + kLastStepsMax;
    service_.stopping(drain_max + Ending::kDrainPatience + kBrokerPatience);
    ending_.emplace(drain_max);
    for (Worker& worker : workers_) {
        worker.restart_at = kNever;
    }
    pass_signals_on(began);
    const auto is_running = [](const Worker& worker) { return worker.process.running(); };
    while (std::any_of(workers_.begin(), workers_.end(), is_running)) {
        const Time now = loop_.turn(ending_->due());
        if (loop_.stopped()) {
            pass_signals_on(now);
        }
        tell_workers(ending_->on_time(now));
    }
    end_all();
    report_end(began);
}

void Supervisor::pass_signals_on(Time now) {
    while (const auto number = program::take_termination_signal(termination_)) {
        tell_workers(ending_->on_signal(*number, now));
    }
    loop_.stop_at(termination_.get()); // for the next one
}

void Supervisor::tell_workers(Ending::Order order) const {
    for (const Worker& worker : workers_) {
        switch (order) {
        case Ending::Order::kNone:
            break;
        case Ending::Order::kDrain:
            worker.process.signal(SIGTERM);
            break;
        case Ending::Order::kEnd:
            worker.process.signal(SIGINT);
            break;
        case Ending::Order::kKill:
            worker.process.signal(SIGKILL);
            break;
        }
    }
}

/// Its record has what it held, if it could not end its streams itself.
void Supervisor::on_last_end(std::size_t index, const process::ProcessEnd& end) {
    slot::WorkerSlot& slot = shared_.records()[index];
    const std::uint64_t streams = slot.counters.get(slot::WorkerCounter::kStreams);
    if (end.signalled || end.code != 0) {
        killed_streams_ += streams;
        spdlog::error("event=worker-cut worker={} how={} streams={} node={}", index + 1,
                      log_value(end.text()), streams, node_name(index));
    }
    slot.state.store(slot::WorkerState::kDown, std::memory_order_relaxed);
    slot.pid.store(0, std::memory_order_relaxed);
    slot.reset_gauges();
}

std::uint64_t Supervisor::counted(slot::WorkerCounter counter) const {
    std::uint64_t count = 0;
    for (const slot::WorkerSlot& slot : shared_.records()) {
        count += slot.counters.get(counter);
    }
    return count;
}

void Supervisor::report_end(Time began) const {
    const std::uint64_t told = counted(slot::WorkerCounter::kStreamsMoved);
    const std::uint64_t left = counted(slot::WorkerCounter::kStreamsLeft);
    const std::uint64_t cut = counted(slot::WorkerCounter::kStreamsCut) + killed_streams_;
    const std::chrono::duration<double> seconds = Clock::now() - began;
    spdlog::info("event=drained streams={} told={} left={} cut={} seconds={:.1f}",
                 told + left + killed_streams_, told, left, cut, seconds.count());
}

void Supervisor::end_all() {
    admin_.reset();
    tell_workers(Ending::Order::kEnd);
    const Time patience_ends = Clock::now() + Ending::kEndPatience;
    for (Worker& worker : workers_) {
        static_cast<void>(worker.process.end(patience_ends - Clock::now()));
    }
    broker_.end();
}

} // namespace zcomet::webnode::supervisor
