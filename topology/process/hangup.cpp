#include "topology/process/hangup.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace zcomet::process {

namespace {

UniqueFd catch_hangups() {
    sigset_t hangup;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    if (const int failure = ::pthread_sigmask(SIG_BLOCK, &hangup, nullptr); failure != 0) {
        throw std::system_error(failure, std::generic_category(), "cannot block SIGHUP");
    }
    UniqueFd fd(::signalfd(-1, &hangup, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd.valid()) {
        throw std::system_error(errno, std::generic_category(), "cannot make a signalfd");
    }
    return fd;
}

} // namespace

Hangup::Hangup(Handler handler)
    : handler_(std::move(handler)), signals_(catch_hangups()), fds_{signals_.get()} {}

bool Hangup::turn(Time /*now*/) {
    signalfd_siginfo signal{};
    if (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
        const bool has_number = signal.ssi_code == SI_QUEUE;
        handler_(has_number ? std::optional(static_cast<int>(signal.ssi_int)) : std::nullopt);
    }
    return false;
}

void pass_hangup_on(pid_t pid, int number) {
    if (pid > 0) {
        sigval value{};
        value.sival_int = number;
        static_cast<void>(::sigqueue(pid, SIGHUP, value));
    }
}

} // namespace zcomet::process
