// Between fork() and execve() the child makes async-signal-safe calls only: the parent may have
// threads (its log's), and a lock that one of them held stays held for ever in the child. So
// everything that needs memory is prepared before the fork.
#include "topology/process/child_process.hpp"

#include "topology/base/signals_held.hpp"
#include "topology/loop/epoll.hpp"
#include "topology/loop/readable.hpp"
#include "topology/process/pidfd.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace zcomet::process {

namespace {

constexpr int kFirstInherited = 3;

/// What the child needs, in the form execve() wants.
struct Prepared {
    explicit Prepared(const ChildProcess::Spec& spec) : descriptors(spec.descriptors) {
        for (const std::string& argument : spec.arguments) {
            arguments.push_back(const_cast<char*>(argument.c_str()));
        }
        arguments.push_back(nullptr);
    }
    std::vector<char*> arguments;
    std::vector<int> descriptors;
};

/// Moves the descriptors to be inherited to 3 and up, by way of numbers above all of them, so that
/// none is overwritten before it was moved; closes the rest.
void arrange_descriptors(Prepared& prepared, int standard_output) {
    if (standard_output >= 0) {
        ::dup2(standard_output, STDOUT_FILENO);
    }
    const int count = static_cast<int>(prepared.descriptors.size());
    for (int& fd : prepared.descriptors) {
        fd = ::fcntl(fd, F_DUPFD, kFirstInherited + count);
    }
    for (int i = 0; i < count; ++i) {
        ::dup2(prepared.descriptors[static_cast<std::size_t>(i)], kFirstInherited + i);
    }
    ::close_range(static_cast<unsigned>(kFirstInherited + count), ~0U, 0);
}

ProcessEnd end_of(int status) {
    if (WIFSIGNALED(status)) {
        return {true, WTERMSIG(status)};
    }
    return {false, WEXITSTATUS(status)};
}

/// Each signal does what it does by default: one that was ignored or blocked here would stay so in
/// the new program, and our handlers must not run in the child. SIGHUP waits: the programs that are
/// started here take it as an event (hangup.hpp), and must not end of one that comes before.
void let_signals_through() {
    for (int number = 1; number < NSIG; ++number) {
        ::signal(number, SIG_DFL);
    }
    sigset_t waiting;
    ::sigemptyset(&waiting);
    ::sigaddset(&waiting, SIGHUP);
    ::pthread_sigmask(SIG_SETMASK, &waiting, nullptr);
}

[[noreturn]] void become(Prepared& prepared, const ChildProcess::Spec& spec, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) { // it ended before the line above
        ::_exit(0);
    }
    if (spec.own_group) {
        ::setpgid(0, 0);
    }
    arrange_descriptors(prepared, spec.standard_output);
    let_signals_through();
    ::execv(spec.program.c_str(), prepared.arguments.data());
    ::_exit(127); // as shells do
}

} // namespace

std::string ProcessEnd::text() const {
    if (!signalled) {
        return "exit status " + std::to_string(code);
    }
    return "signal " + std::to_string(code) + " (" + ::strsignal(code) + ")";
}

Result<ChildProcess> ChildProcess::start(const Spec& spec) {
    Prepared prepared(spec);
    const pid_t parent = ::getpid();
    const SignalsHeld held; // none meets a child that is half made
    const pid_t pid = ::fork();
    if (pid == 0) {
        become(prepared, spec, parent);
    }
    if (pid < 0) {
        return Error{"cannot start " + spec.program + ": " + std::strerror(errno)};
    }
    if (spec.own_group) {
        ::setpgid(pid, pid); // here as well as in the child: so it is done when this returns
    }
    UniqueFd pid_fd = open_pidfd(pid);
    if (!pid_fd.valid()) {
        const int reason = errno;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return Error{"cannot watch " + spec.program + ": " + std::strerror(reason)};
    }
    return ChildProcess(pid, std::move(pid_fd));
}

ChildProcess::ChildProcess(pid_t pid, UniqueFd pid_fd) : pid_(pid), pid_fd_(std::move(pid_fd)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    if (this != &other) {
        end(Duration::zero());
        pid_ = std::exchange(other.pid_, 0);
        pid_fd_ = std::move(other.pid_fd_);
    }
    return *this;
}

ChildProcess::~ChildProcess() {
    end(Duration::zero());
}

void ChildProcess::signal(int number) const {
    if (running()) {
        signal_pidfd(pid_fd_, number);
    }
}

std::optional<ProcessEnd> ChildProcess::reap() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) {
        return std::nullopt;
    }
    pid_fd_.reset();
    return end_of(status);
}

ProcessEnd ChildProcess::end(Duration patience) {
    if (!running()) {
        return {};
    }
    if (!loop::await_readable(pid_fd_.get(), loop::time_after(Clock::now(), patience))) {
        signal(SIGKILL);
    }
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_fd_.reset();
    return end_of(status);
}

} // namespace zcomet::process
