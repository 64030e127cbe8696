#include "topology/loop/readable.hpp"
#include "topology/process/child_process.hpp"

#include <catch2/catch.hpp>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

namespace child_process_test {

using namespace zcomet;
using namespace zcomet::process;

namespace {

ChildProcess start_shell(const std::string& command, ChildProcess::Spec spec = {}) {
    spec.program = "/bin/sh";
    spec.arguments = {"sh", "-c", command};
    Result<ChildProcess> child = ChildProcess::start(spec);
    REQUIRE(child.ok());
    return std::move(child).value();
}

/// Everything that a child writes to standard output until it ends.
std::string output_of(const std::string& command, ChildProcess::Spec spec = {}) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const UniqueFd out(ends[0]);
    spec.standard_output = ends[1];
    ChildProcess child = start_shell(command, spec);
    ::close(ends[1]);
    std::string text;
    std::array<char, 256> bytes{};
    for (ssize_t got = 0; (got = ::read(out.get(), bytes.data(), bytes.size())) > 0;) {
        text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    CHECK(child.end(10s).code == 0);
    return text;
}

} // namespace

TEST_CASE("the end of a child is reported", "[child_process]") {
    ChildProcess child = start_shell("exit 3");
    REQUIRE(loop::await_readable(child.fd(), Clock::now() + 10s));
    const auto end = child.reap();
    REQUIRE(end);
    CHECK_FALSE(end->signalled);
    CHECK(end->code == 3);
    CHECK(end->text() == "exit status 3");
    CHECK_FALSE(child.running());
    CHECK(child.fd() == -1);
}

TEST_CASE("a child that runs is not reaped, and takes signals", "[child_process]") {
    ChildProcess child = start_shell("exec sleep 60");
    CHECK_FALSE(child.reap());
    CHECK(child.running());
    child.signal(SIGTERM);
    const ProcessEnd end = child.end(10s);
    CHECK(end.signalled);
    CHECK(end.code == SIGTERM);
    CHECK(end.text() == "signal 15 (Terminated)");
}

TEST_CASE("a child that does not end in time is killed", "[child_process]") {
    ChildProcess child = start_shell("exec sleep 60");
    CHECK(child.end(10ms).code == SIGKILL);
}

TEST_CASE("a program that is not there shows as status 127", "[child_process]") {
    ChildProcess::Spec spec;
    spec.program = "/nonexistent/program";
    spec.arguments = {"program"};
    Result<ChildProcess> child = ChildProcess::start(spec);
    REQUIRE(child.ok());
    CHECK(child.value().end(10s).code == 127);
}

TEST_CASE("a child inherits the given descriptors, and no others", "[child_process]") {
    const UniqueFd first(::eventfd(1, 0));
    const UniqueFd second(::eventfd(2, 0));
    // In the reverse order of their numbers, and one of them where another is to go.
    ChildProcess::Spec spec;
    spec.descriptors = {second.get(), first.get()};
    const std::string text = output_of("for fd in /proc/self/fd/*; do readlink $fd; done; "
                                       "grep eventfd-count /proc/self/fdinfo/3",
                                       spec);
    INFO(text);
    std::size_t events = 0;
    for (std::size_t at = 0; (at = text.find("anon_inode:[eventfd]", at)) != std::string::npos;
         ++at) {
        ++events;
    }
    CHECK(events == 2);
    CHECK(text.find("eventfd-count:                2") != std::string::npos);
    CHECK(text.find("eventpoll") == std::string::npos);
}

TEST_CASE("a child starts with signals as programs expect them", "[child_process]") {
    sigset_t blocked;
    sigset_t before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const std::string text = output_of("grep SigBlk /proc/self/status");
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    CHECK(text == "SigBlk:\t0000000000000000\n");
}

TEST_CASE("a child in a group of its own leads it", "[child_process]") {
    ChildProcess::Spec spec;
    spec.own_group = true;
    ChildProcess child = start_shell("exec sleep 60", spec);
    CHECK(::getpgid(child.pid()) == child.pid());
}

} // namespace child_process_test
