// Goal: a process that gives up the rights of root has none of them left but one.
// Method: children, which become nobody. Without root only the errors are tested.
#include "topology/program/run_as.hpp"

#include <catch2/catch.hpp>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace run_as_test {

using Catch::Matchers::Contains;
using zcomet::program::run_as;

namespace {

/// The value of a line of /proc/self/status.
std::string status_of(const std::string& name) {
    std::ifstream file("/proc/self/status");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind(name + ":\t", 0) == 0) {
            return line.substr(name.size() + 2);
        }
    }
    return "?";
}

/// The exit status of a child that runs `run`.
template <typename Run> int in_child(Run&& run) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(run());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr const char* kLowPortsOnly = "0000000000000400"; // CAP_NET_BIND_SERVICE

} // namespace

TEST_CASE("there must be such a user, and it must not be root", "[run_as]") {
    CHECK_THAT(run_as("no-such-user").error().text, Contains("there is no user \"no-such-user\""));
    CHECK_THAT(run_as("root").error().text, Contains("is root"));
}

TEST_CASE("a process that becomes a user's has one right of root's left", "[run_as]") {
    if (::geteuid() != 0) {
        WARN("this test wants root");
        return;
    }
    const int status = in_child([] {
        if (!run_as("nobody").ok()) {
            return 1;
        }
        const bool is_nobody = ::getuid() != 0 && ::geteuid() != 0 && ::getgid() != 0 &&
                               ::setuid(0) != 0 && ::setgid(0) != 0;
        const bool has_bounds =
            status_of("CapEff") == kLowPortsOnly && status_of("CapPrm") == kLowPortsOnly &&
            status_of("CapBnd") == kLowPortsOnly && status_of("CapAmb") == kLowPortsOnly;
        const bool is_done = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                             run_as("nobody").ok() && !run_as("daemon").ok();
        return is_nobody ? has_bounds ? is_done ? 0 : 4 : 3 : 2;
    });
    CHECK(status == 0);
}

} // namespace run_as_test
