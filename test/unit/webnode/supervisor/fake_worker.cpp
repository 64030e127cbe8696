// Plays a worker of a web node: it is started as one, and has the record of one.
//
// Its environment says what it does, in ZCOMET_FAKE_WORKER_PLAYS, and where it tells of that, in
// ZCOMET_FAKE_WORKER_TELLS: "live N" and "draining N", a line each, with the number of the worker.
//
//     refuses   ends at once with status 3
//     dies      becomes live, and is killed
//     hangs     becomes live, and does nothing more, whatever signal comes; the next process serves
//     serves    counts turns until it is told to end
//     drains    the same; on SIGTERM it drains until SIGINT comes
//     stays     the same, and does not mind SIGINT
//     crashes   the same until it is told to end; then it is killed
//
// At its end it has moved two of three streams, and the third has left.
#include "topology/base/unique_fd.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace zcomet;
using namespace zcomet::webnode;

namespace {

// As webnode/supervisor/supervisor.hpp has them.
constexpr int kSlotsFd = 3;
constexpr int kWakeFd = 4;
constexpr int kTurnsApartMs = 50;

/// A variable of the environment. Nobody starts a fake worker without it.
const char* variable(const char* name) {
    const char* const text = std::getenv(name);
    if (text == nullptr) {
        std::_Exit(2);
    }
    return text;
}

std::string number_of(int argc, char** argv) {
    constexpr std::string_view kFlag = "--worker-index=";
    for (int i = 1; i < argc; ++i) {
        if (const std::string_view argument = argv[i]; argument.starts_with(kFlag)) {
            return std::string(argument.substr(kFlag.size()));
        }
    }
    std::_Exit(2);
}

void tell(const std::string& line) {
    const UniqueFd told(::open(variable("ZCOMET_FAKE_WORKER_TELLS"), O_WRONLY | O_CLOEXEC));
    const std::string whole = line + "\n";
    [[maybe_unused]] const ssize_t written = ::write(told.get(), whole.data(), whole.size());
}

void enter(slot::WorkerSlot& slot, slot::WorkerState state) {
    slot.state.store(state);
    static_cast<void>(::eventfd_write(kWakeFd, 1));
}

[[noreturn]] void hang() {
    ::signal(SIGABRT, SIG_IGN);
    ::signal(SIGTERM, SIG_IGN);
    ::signal(SIGINT, SIG_IGN);
    for (;;) {
        ::pause();
    }
}

/// A worker takes these as events.
sigset_t termination() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    return signals;
}

/// @return the signal that has told it to end.
int serve(slot::WorkerSlot& slot) {
    const sigset_t signals = termination();
    const UniqueFd told_to_end(::signalfd(-1, &signals, SFD_CLOEXEC));
    pollfd waiting{.fd = told_to_end.get(), .events = POLLIN, .revents = 0};
    while (::poll(&waiting, 1, kTurnsApartMs) == 0) {
        slot.turns.fetch_add(1);
    }
    signalfd_siginfo signal{};
    [[maybe_unused]] const ssize_t got = ::read(told_to_end.get(), &signal, sizeof signal);
    return static_cast<int>(signal.ssi_signo);
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view part = variable("ZCOMET_FAKE_WORKER_PLAYS");
    if (part == "refuses") {
        return 3;
    }
    const sigset_t signals = termination();
    ::sigprocmask(SIG_BLOCK, &signals, nullptr); // before anybody knows that we are live
    const std::string number = number_of(argc, argv);
    const auto slots = slot::SharedSlots::attach(UniqueFd(kSlotsFd));
    slot::WorkerSlot& slot = slots.records()[std::stoul(number) - 1];
    enter(slot, slot::WorkerState::kLive);
    tell("live " + number);
    if (part == "dies") {
        ::raise(SIGKILL);
    }
    if (part == "hangs" && slot.restarts.load() == 0) {
        hang();
    }
    slot.counters.set(slot::WorkerCounter::kStreams, 3);
    int signal = serve(slot);
    enter(slot, slot::WorkerState::kDraining);
    tell("draining " + number);
    if (part == "crashes") {
        ::raise(SIGKILL);
    }
    while ((part == "drains" || part == "stays") && signal != SIGINT) {
        signal = serve(slot);
    }
    if (part == "stays") {
        tell("staying " + number);
        hang();
    }
    slot.counters.set(slot::WorkerCounter::kStreams, 0);
    slot.counters.add(slot::WorkerCounter::kStreamsMoved, 2);
    slot.counters.add(slot::WorkerCounter::kStreamsLeft, 1);
    return 0;
}
