#include "topology/process/kept_broker.hpp"

#include "topology/base/text.hpp"
#include "topology/process/hangup.hpp"
#include "topology/process/pulse.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>
#include <string_view>
#include <utility>

namespace zcomet::process {

namespace {

constexpr const char* kBrokerName = "zcomet-broker";
constexpr std::string_view kReady = "zcomet-broker ready ";
/// @limit time for a kept broker to end, then SIGKILL
constexpr Duration kEndPatience = 2s;
/// More than any ready line has. A longer line is not a ready line, and is dropped.
constexpr std::size_t kLineBytesMax = 4096;

} // namespace

Status KeptBroker::start(Command command, Time now) {
    command_ = std::move(command);
    hang_ = HangWatch(command_.hang_after);
    pulse_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!pulse_.valid()) {
        return Error{std::string("cannot start the broker: ") + std::strerror(errno)};
    }
    return launch(now);
}

Status KeptBroker::launch(Time now) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Error{std::string("cannot start the broker: ") + std::strerror(errno)};
    }
    UniqueFd output(ends[0]);
    const UniqueFd input(ends[1]);
    ::fcntl(output.get(), F_SETFL, O_NONBLOCK); // of our end only
    ChildProcess::Spec spec;
    spec.program = command_.program;
    spec.arguments = arguments();
    spec.standard_output = input.get();
    spec.own_group = command_.own_group;
    spec.descriptors = {pulse_.get()};
    Result<ChildProcess> process = ChildProcess::start(spec);
    if (!process.ok()) {
        return process.error();
    }
    process_ = std::move(process).value();
    output_ = std::move(output);
    renew_fds();
    line_.clear();
    hang_.start(pulses_, now);
    started_ = now;
    restart_at_ = kNever;
    return Done{};
}

std::vector<std::string> KeptBroker::arguments() const {
    std::vector<std::string> arguments{kBrokerName};
    arguments.insert(arguments.end(), command_.arguments.begin(), command_.arguments.end());
    if (command_.hang_after > Duration::zero()) {
        arguments.push_back("--pulse-fd=" + std::to_string(Pulse::kInheritedFd));
    }
    std::istringstream fields(addresses_);
    for (std::string field; fields >> field;) {
        arguments.push_back("--bound-" + field);
    }
    return arguments;
}

bool KeptBroker::turn(Time now) {
    read_output(now);
    if (process_.running()) {
        if (const auto end = process_.reap()) {
            read_output(now); // its last words
            on_end(*end, now);
        }
    }
    if (process_.running()) {
        watch_for_hang(now);
    }
    if (restart_at_ > now) {
        return false;
    }
    if (const Status launched = launch(now); !launched.ok()) {
        spdlog::error("event=broker-not-started text={}", log_value(launched.error().text));
        restart_at_ = now + RestartDelay::kLongestPause;
    }
    return false;
}

Time KeptBroker::due() const {
    return process_.running() ? hang_.due() : restart_at_;
}

/// A broker that hangs keeps its port, and nodes and senders wait for it.
void KeptBroker::watch_for_hang(Time now) {
    eventfd_t pulses = 0;
    if (::eventfd_read(pulse_.get(), &pulses) == 0) {
        pulses_ += pulses;
    }
    switch (hang_.look(pulses_, now)) {
    case HangWatch::Verdict::kFine:
        break;
    case HangWatch::Verdict::kAbort:
        spdlog::error("event=broker-hung pid={} still_ms={}", process_.pid(), in_ms(hang_.still()));
        process_.signal(SIGABRT);
        break;
    case HangWatch::Verdict::kKill:
        process_.signal(SIGKILL);
        break;
    }
}

void KeptBroker::renew_fds() {
    fds_ = {process_.fd(), output_.get()};
    ++fds_version_;
}

void KeptBroker::read_output(Time now) {
    std::array<char, 512> bytes{};
    while (output_.valid()) {
        const ssize_t got = ::read(output_.get(), bytes.data(), bytes.size());
        if (got < 0) { // nothing is there now
            return;
        }
        if (got == 0) {
            output_.reset();
            renew_fds();
            return;
        }
        line_.append(bytes.data(), static_cast<std::size_t>(got));
        for (std::size_t end = 0; (end = line_.find('\n')) != std::string::npos;) {
            on_line(std::string_view(line_).substr(0, end), now);
            line_.erase(0, end + 1);
        }
        if (line_.size() > kLineBytesMax) {
            line_.clear();
        }
    }
}

void KeptBroker::on_line(std::string_view line, Time now) {
    if (!line.starts_with(kReady)) {
        return;
    }
    if (has_listened()) {
        spdlog::warn("event=broker-back pid={} away_ms={}", process_.pid(), in_ms(now - ended_));
        return;
    }
    addresses_ = line.substr(kReady.size());
}

void KeptBroker::on_end(const ProcessEnd& end, Time now) {
    output_.reset();
    renew_fds();
    ended_ = now;
    if (!has_listened() && !end.signalled && end.code != 0) {
        given_up_ = end;
        return;
    }
    restart_at_ = now + delay_.after(now - started_);
    spdlog::error("event=broker-died how={} restart_ms={}", log_value(end.text()),
                  in_ms(restart_at_ - now));
}

void KeptBroker::pass_hangup_on(int number) const {
    if (process_.running()) {
        process::pass_hangup_on(process_.pid(), number);
    }
}

void KeptBroker::end() {
    restart_at_ = kNever;
    process_.signal(SIGTERM);
    static_cast<void>(process_.end(kEndPatience));
    renew_fds();
}

} // namespace zcomet::process
