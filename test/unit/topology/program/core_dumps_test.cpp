// Goal: a process that is to make no core dumps makes none, nor do its children.
// Method: children that are allowed to dump as much as possible, and abort.
#include "topology/program/core_dumps.hpp"

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace core_dumps_test {

using zcomet::program::make_no_core_dumps;

namespace {

/// How a child ended in which `run` ran.
template <typename Run> int status_of_child(Run&& run) {
    const pid_t child = ::fork();
    if (child == 0) {
        run();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

void dump_all() {
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_CORE, &limit);
}

[[noreturn]] void end_badly() {
    std::signal(SIGABRT, SIG_DFL); // not the test framework's
    std::abort();
}

} // namespace

TEST_CASE("a process makes no core dump", "[core_dumps]") {
    const int status = status_of_child([] {
        dump_all();
        make_no_core_dumps();
        end_badly();
    });
    REQUIRE(WIFSIGNALED(status));
    CHECK_FALSE(WCOREDUMP(status));
}

TEST_CASE("a child cannot have its core dumps back", "[core_dumps]") {
    const int status = status_of_child([] {
        dump_all();
        make_no_core_dumps();
        const pid_t child = ::fork();
        if (child == 0) {
            dump_all();
            end_badly();
        }
        int of_child = 0;
        ::waitpid(child, &of_child, 0);
        rlimit limit{};
        ::getrlimit(RLIMIT_CORE, &limit);
        ::_exit(WIFSIGNALED(of_child) && !WCOREDUMP(of_child) && limit.rlim_max <= 1 ? 0 : 1);
    });
    CHECK(status == 0);
}

} // namespace core_dumps_test
