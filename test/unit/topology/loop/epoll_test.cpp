// Epoll::wait() with all kinds of times, signals and errors. Each error needs a process of its own:
// its system calls are filtered, or it dies.
#include "topology/base/unique_fd.hpp"
#include "topology/loop/epoll.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <functional>
#include <string>

namespace epoll_test {

using namespace zcomet;
using namespace zcomet::loop;

namespace {

struct Ended {
    int status = 0;
    std::string errors; // what it wrote to standard error
};

/// Runs `body` in a child process; the exit status is the result of `body`.
Ended in_child(const std::function<int()>& body) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd output(ends[0]);
    UniqueFd input(ends[1]);
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        ::dup2(input.get(), STDERR_FILENO);
        ::signal(SIGABRT, SIG_DFL); // Catch2 has a handler
        ::_exit(body());
    }
    input.reset();
    Ended ended;
    std::array<char, 256> bytes{};
    for (ssize_t got = 0; (got = ::read(output.get(), bytes.data(), bytes.size())) > 0;) {
        ended.errors.append(bytes.data(), static_cast<std::size_t>(got));
    }
    REQUIRE(::waitpid(pid, &ended.status, 0) == pid);
    return ended;
}

/// From now on epoll_pwait2(2) fails with `error` in this process, as behind an old filter.
bool forbid_epoll_pwait2(int error) {
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

/// Status 0: it waited for a descriptor that becomes ready, and for a time that comes.
int wait_behind_filter(int error) {
    Epoll epoll;
    const UniqueFd ready(::eventfd(1, EFD_CLOEXEC));
    if (!epoll.add(ready.get(), EPOLLIN, 7) || !forbid_epoll_pwait2(error)) {
        return 77;
    }
    const auto events = epoll.wait(Clock::now(), kNever);
    if (events.size() != 1 || events[0].data.u64 != 7) {
        return 1;
    }
    epoll.remove(ready.get());
    const Time begin = Clock::now();
    const Time until = begin + 3500us;
    return epoll.wait(begin, until).empty() && Clock::now() >= until ? 0 : 2;
}

void do_nothing(int /*signal*/) {}

} // namespace

TEST_CASE("the remaining time is never negative, and never overflows") {
    const Time now = Time() + 1h;
    CHECK(time_left(now, now + 5ms) == 5ms);
    CHECK(time_left(now, now) == 0ms);
    CHECK(time_left(now, now - 1h) == 0ms);
    CHECK(time_left(now, Time::min()) == 0ms);
    CHECK(time_left(now, kNever) == Duration::max());
    CHECK(time_left(Time::min(), kNever) == Duration::max());
    CHECK(time_left(Time::min(), Time::min()) == 0ms);
    CHECK(time_left(Time::min(), now) == Duration::max());
    CHECK(time_left(Time() - 1h, now) == 2h);
    CHECK(time_left(now, kNever - 1ns) == kNever - 1ns - now);
}

TEST_CASE("a time that is too far away is never") {
    const Time now = Time() + 1h;
    CHECK(time_after(now, 5ms) == now + 5ms);
    CHECK(time_after(now, -2h) == Time() - 1h);
    CHECK(time_after(now, Duration::max()) == kNever);
    CHECK(time_after(now, kNever - now - 1ns) == kNever - 1ns);
    CHECK(time_after(Time() - 1h, 2h) == Time() + 1h);
}

TEST_CASE("a wait until a past time looks, and returns at once") {
    Epoll epoll;
    const UniqueFd ready(::eventfd(1, EFD_CLOEXEC));
    CHECK(epoll.wait(Clock::now(), Time::min()).empty());
    REQUIRE(epoll.add(ready.get(), EPOLLIN, 7));
    CHECK(epoll.wait(Clock::now(), Time::min()).size() == 1);
}

TEST_CASE("a short wait lasts its time, and one without end sees a ready descriptor") {
    Epoll epoll;
    const Time begin = Clock::now();
    CHECK(epoll.wait(begin, begin + 300us).empty());
    CHECK(Clock::now() >= begin + 300us);
    const UniqueFd ready(::eventfd(1, EFD_CLOEXEC));
    REQUIRE(epoll.add(ready.get(), EPOLLIN, 7));
    CHECK(epoll.wait(Clock::now(), kNever).size() == 1);
}

TEST_CASE("a signal's handler ends a wait early, with nothing") {
    const Ended ended = in_child([] {
        struct sigaction action {};
        action.sa_handler = do_nothing; // without SA_RESTART
        ::sigaction(SIGALRM, &action, nullptr);
        Epoll epoll;
        ::ualarm(10'000, 10'000);
        return epoll.wait(Clock::now(), kNever).empty() ? 0 : 1;
    });
    CHECK(WIFEXITED(ended.status));
    CHECK(WEXITSTATUS(ended.status) == 0);
}

TEST_CASE("without epoll_pwait2(), missing or forbidden, epoll_wait() waits") {
    const int error = GENERATE(ENOSYS, EPERM);
    const Ended ended = in_child([error] { return wait_behind_filter(error); });
    REQUIRE(WIFEXITED(ended.status));
    if (WEXITSTATUS(ended.status) == 77) {
        WARN("no filter of system calls is to be had here");
        return;
    }
    CHECK(WEXITSTATUS(ended.status) == 0);
}

TEST_CASE("an epoll set whose descriptor was closed ends the process, and says why") {
    const Ended ended = in_child([] {
        Epoll epoll;
        ::close_range(STDERR_FILENO + 1, ~0U, 0);
        return epoll.wait(Clock::now(), Clock::now() + 10ms).empty() ? 0 : 1;
    });
    CHECK(WIFSIGNALED(ended.status));
    CHECK(ended.errors.find("cannot wait for events") != std::string::npos);
    CHECK(ended.errors.find("Bad file descriptor") != std::string::npos);
}

} // namespace epoll_test
