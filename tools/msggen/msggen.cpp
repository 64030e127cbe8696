#include "tools/msggen/msggen.hpp"

#include "topology/base/check.hpp"
#include "topology/base/random.hpp"
#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/link/zmq_socket.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace zcomet::tools::msggen {

namespace {

/// How long a broker may take to answer before a line says that it does not.
constexpr Duration kPatience = 1s;
/// How long the broker may take to take the last messages in. It holds credit back for at most a
/// second, and the next heartbeat may be as far away.
constexpr Duration kTakeInTimeout = 10s;
/// How long the last messages may take to be acknowledged: a broker may have to restart, and its
/// nodes have to find it again.
constexpr Duration kAcknowledgeTimeout = 30s;
constexpr Duration kProgressInterval = 1s;
/// Messages between two looks at the clock and the socket at full speed: few enough that credit is
/// noticed while the window still has room.
constexpr int kBurstMax = 512;
constexpr int kExitUnconfirmed = 1;
constexpr int kExitSignalled = 128;

double to_ms(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

/// Nobody held its id, or the broker does not let our key send to it.
bool is_void(const wire::Outcome& outcome) {
    return outcome.nodes == 0 || outcome.refusal == wire::Outcome::Refusal::kNotAllowed;
}

double wanted_per_s(const GeneratorOptions& options) {
    return options.interval == Duration::zero()
               ? 0
               : options.generators / std::chrono::duration<double>(options.interval).count();
}

} // namespace

Msggen::Msggen(link::LinkContext& context, MsggenOptions options, int signal_fd)
    : options_(std::move(options)), signal_fd_(signal_fd),
      progress_(!options_.quiet && ::isatty(STDERR_FILENO) == 1) {
    if (!options_.sent_file.empty()) {
        sent_file_.open(options_.sent_file);
        if (!sent_file_) {
            throw std::runtime_error(options_.sent_file + " cannot be written");
        }
    }
    if (!options_.log_file.empty()) {
        open_log();
    }
    if (options_.acknowledged) {
        confirm_ = wire::Confirm::kAcknowledgement;
    }
    link_ = value_or_throw(link::Dispatch::open(context, *this, options_.brokers,
                                                fmt::format("msggen-{}", ::getpid()), Clock::now(),
                                                options_.failover));
    loop_.add(*link_, loop::Order::kBroker);
    loop_.stop_at(signal_fd_);
    report_.planned = options_.generator.count * options_.generator.generators;
    report_.wanted_per_s = wanted_per_s(options_.generator);
    report_.generators = options_.generator.generators;
    report_.seed = options_.generator.seed;
}

int Msggen::run() {
    wait_for_broker();
    Generator generator(options_.generator, Clock::now());
    send_all(generator);
    wait_until_taken_in();
    link_->close(Clock::now());
    finish_log();
    report();
    if (stopped()) {
        return kExitSignalled + signal_;
    }
    return report_.all_arrived() && report_.log_lines_lost == 0 ? 0 : kExitUnconfirmed;
}

void Msggen::wait_for_broker() {
    const Time patience_ends = Clock::now() + kPatience;
    while (!link_->welcomed() && !stopped() && Clock::now() < patience_ends) {
        wait(patience_ends);
    }
    if (!link_->welcomed() && !stopped()) {
        spdlog::warn("event={} broker={} text=\"trying on\"",
                     refused_ ? "broker-refuses" : "broker-unreachable", options_.brokers.text());
    }
    while (!link_->welcomed() && !stopped()) {
        wait(kNever);
    }
}

void Msggen::send_all(Generator& generator) {
    first_sent_ = last_sent_ = Clock::now();
    next_progress_ = progress_ ? first_sent_ + kProgressInterval : kNever;
    while (!stopped()) {
        send_due(generator);
        turn_link();
        if (generator.finished()) {
            break;
        }
        // While the broker holds us back, only its credit lets us go on, not the clock.
        wait(std::min(may_send(generator) ? generator.due() : kNever, next_progress_));
        if (next_progress_ != kNever) {
            show_progress(Clock::now());
        }
    }
    end_progress();
}

void Msggen::send_due(Generator& generator) {
    const Time now = Clock::now();
    for (int sent = 0; sent < kBurstMax; ++sent) {
        if (generator.due() > now || !may_send(generator)) {
            return;
        }
        send_one(generator, now);
    }
}

bool Msggen::may_send(Generator& generator) const {
    return !generator.finished() &&
           link_->can_send(generator.next_id(),
                           wire::message_bytes(0, generator.message_bytes_max()));
}

void Msggen::send_one(Generator& generator, Time now) {
    if (report_.sent == 0) {
        first_sent_ = now;
    }
    last_sent_ = now;
    report_.late_ms = to_ms(now - generator.due());
    report_.late_ms_max = std::max(report_.late_ms_max, report_.late_ms);
    const std::uint64_t time_ns = options_.generator.stamp || log_ ? wall_clock_ns() : 0;
    const GeneratedMessage message = generator.next(time_ns);
    const std::uint64_t number = link_->send(message.id, message.text, confirm_);
    if (log_) {
        ZCOMET_ASSERT(number == message.number);
        log_->on_sent(number, message.id, time_ns, message.generator);
    }
    ++report_.sent;
    if (sent_file_.is_open()) {
        sent_counts_.add(message.id_number);
    }
    if (message.last && !options_.quiet && !options_.json) {
        end_progress();
        fmt::print("generator {} finished: {} {}\n", message.generator, options_.generator.count,
                   options_.generator.count == 1 ? "message" : "messages");
    }
}

void Msggen::wait_until_taken_in() {
    const Time give_up =
        Clock::now() + (options_.acknowledged ? kAcknowledgeTimeout : kTakeInTimeout);
    link_->flush(Clock::now());
    turn_link();
    const int signal_before = std::exchange(signal_, 0); // a second signal ends this wait, too
    while (!all_confirmed() && !stopped() && Clock::now() < give_up) {
        wait(give_up);
    }
    signal_ = signal_before != 0 ? signal_before : signal_;
}

bool Msggen::all_confirmed() const {
    return link_->all_taken_in() && link_->unacknowledged() == 0;
}

void Msggen::on_receipt(std::uint64_t number, const wire::Outcome& outcome) {
    report_.gone_into_void +=
        is_void(outcome) ? 1U : 0U; // a repeat may not be known: that is no void
    if (log_) {
        log_->on_answer(number, outcome.nodes);
    }
}

/// Its line in the log goes without an answer. SenderSessionCounters count it.
void Msggen::on_unknown(std::uint64_t number) {
    if (log_) {
        log_->on_answer(number, std::nullopt);
    }
}

void Msggen::on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) {
    if (is_void(outcome)) {
        ++report_.gone_into_void;
    } else if (!outcome.nodes) {
        ++report_.not_known;
    } else {
        ++report_.acknowledged;
    }
    if (log_) {
        log_->on_answer(number, outcome.nodes);
    }
}

void Msggen::open_log() {
    throw_unless_done(logs::LogFile::make(options_.log_file));
    log_file_.emplace(value_or_throw(logs::LogFile::append_to(options_.log_file)));
    options_.generator.sender = fmt::format("{:08x}", random_u64() & 0xFFFF'FFFFU);
    const bool is_in_order = !options_.acknowledged && options_.brokers.brokers.size() == 1;
    const auto answers =
        is_in_order ? logs::SentLog::Answers::kInOrder : logs::SentLog::Answers::kAnyOrder;
    log_.emplace(options_.generator.sender, answers, [this](const logs::SentLine& line) {
        logs::append_line(log_file_->line(), line);
        log_file_->end_line();
        watch_log();
    });
}

/// Says once that the log has failed. The messages go on.
void Msggen::watch_log() {
    if (log_file_->error() != 0 && !std::exchange(log_failed_, true)) {
        end_progress();
        spdlog::error("event=log-ended file={} why={} text=\"the log ends here, messages go on\"",
                      log_value(options_.log_file), log_value(std::strerror(log_file_->error())));
    }
}

/// Receipts come before the credit that was awaited.
void Msggen::finish_log() {
    if (log_) {
        log_->finish();
        log_file_->flush();
        watch_log();
        report_.log_lines_lost = log_file_->lines_lost();
    }
}

void Msggen::on_welcome(std::string_view broker_name) {
    spdlog::info("event=welcomed broker={} name={}", options_.brokers.text(),
                 log_value(broker_name));
}

void Msggen::on_lost() {
    end_progress();
    spdlog::warn("event=broker-lost broker={} text=\"trying on\"", options_.brokers.text());
}

void Msggen::on_refused(wire::ErrorCode code, std::string_view text) {
    refused_ = true;
    spdlog::error("event=refused reason={} text={}", wire::name_of(code), log_value(text));
}

void Msggen::on_no_broker(std::string_view text) {
    spdlog::error("event=no-broker broker={} text={}", options_.brokers.text(), log_value(text));
}

void Msggen::turn_link() {
    if (link_->turn(Clock::now())) {
        loop_.wake(*link_);
    }
}

void Msggen::wait(Time until) {
    loop_.turn(until);
    if (!loop_.stopped()) {
        return;
    }
    loop_.stop_at(signal_fd_); // a second signal must be noticed, too
    signalfd_siginfo signal{};
    if (::read(signal_fd_, &signal, sizeof(signal)) == sizeof(signal)) {
        signal_ = static_cast<int>(signal.ssi_signo);
    }
}

void Msggen::show_progress(Time now) {
    if (now < next_progress_) {
        return;
    }
    fmt::print(stderr, "\rsent {} of {}, {} a second \x1b[K", report_.sent, report_.planned,
               report_.sent - progress_sent_);
    static_cast<void>(std::fflush(stderr));
    progress_sent_ = report_.sent;
    next_progress_ = now + kProgressInterval;
}

void Msggen::end_progress() const {
    if (progress_) {
        fmt::print(stderr, "\r\x1b[K");
    }
}

void Msggen::report() {
    report_.seconds = std::chrono::duration<double>(last_sent_ - first_sent_).count();
    const session::SenderSessionCounters counters = link_->counters();
    report_.lost_brokers = counters.lost_brokers;
    report_.failed_over = link_->failed_over();
    report_.asks_acknowledgement = options_.acknowledged;
    report_.resent = counters.messages_resent;
    report_.unconfirmed = options_.acknowledged ? link_->unacknowledged()
                                                : counters.unconfirmed + link_->not_taken_in();
    if (sent_file_.is_open()) {
        sent_counts_.write(sent_file_);
        sent_file_.flush();
        if (!sent_file_) {
            throw std::runtime_error(options_.sent_file + " cannot be written");
        }
    }
    fmt::print("{}", options_.json ? report_.json() : report_.text());
}

} // namespace zcomet::tools::msggen
