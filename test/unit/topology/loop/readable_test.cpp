#include "topology/base/unique_fd.hpp"
#include "topology/loop/readable.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <csignal>

using namespace zcomet;
using namespace zcomet::loop;

namespace {

volatile std::sig_atomic_t handled = 0;

void count(int /*signal*/) {
    handled = handled + 1;
}

/// SIGALRM each two milliseconds, to a handler that does not let system calls go on.
class Alarms {
  public:
    Alarms() {
        struct sigaction action {};
        action.sa_handler = count;
        ::sigaction(SIGALRM, &action, &before_);
        const itimerval each{{0, 2000}, {0, 2000}};
        ::setitimer(ITIMER_REAL, &each, nullptr);
    }
    ~Alarms() {
        const itimerval none{};
        ::setitimer(ITIMER_REAL, &none, nullptr);
        ::sigaction(SIGALRM, &before_, nullptr);
    }
    Alarms(const Alarms&) = delete;
    Alarms& operator=(const Alarms&) = delete;

  private:
    struct sigaction before_ {};
};

} // namespace

TEST_CASE("what is readable, or has lost its other end, is not waited for") {
    const UniqueFd ready(::eventfd(1, EFD_CLOEXEC));
    CHECK(await_readable(ready.get(), kNever));
    CHECK(await_readable(ready.get(), Time::min()));
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    ::close(ends[1]);
    CHECK(await_readable(reader.get(), kNever));
}

TEST_CASE("what is not readable is waited for until the time has come, whatever signals come") {
    const UniqueFd quiet(::eventfd(0, EFD_CLOEXEC));
    CHECK_FALSE(await_readable(quiet.get(), Time::min()));
    const Alarms alarms;
    const Time deadline = Clock::now() + 20ms;
    CHECK_FALSE(await_readable(quiet.get(), deadline));
    CHECK(Clock::now() >= deadline);
    CHECK(handled > 0);
}
