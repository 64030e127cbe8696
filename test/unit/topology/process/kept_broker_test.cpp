// A shell script plays the broker: it prints the ready line, shows its arguments, and dies as told.
#include "test/support/captured_log.hpp"
#include "test/support/files.hpp"
#include "topology/process/kept_broker.hpp"

#include <catch2/catch.hpp>
#include <poll.h>

#include <array>
#include <string>

namespace kept_broker_test {

using namespace zcomet;
using namespace zcomet::process;

namespace {

KeptBroker::Command shell(const std::string& script) {
    return {"/bin/sh", {"-c", script, "sh"}, false, Duration::zero()};
}

/// Gives the broker turns, on the test's clock, until `holds`.
template <typename Predicate> bool tick_until(KeptBroker& broker, Time now, Predicate&& holds) {
    constexpr int kPatienceMs = 10'000;
    while (!holds()) {
        std::array<pollfd, 2> polled{{{broker.fds()[0], POLLIN, 0}, {broker.fds()[1], POLLIN, 0}}};
        if (::poll(polled.data(), polled.size(), kPatienceMs) <= 0) {
            return false;
        }
        broker.turn(now);
    }
    return true;
}

} // namespace

TEST_CASE("a broker is ready when it says so, and not before", "[kept_broker]") {
    KeptBroker broker;
    const Time now = Time{} + 1h;
    REQUIRE(broker
                .start(shell("echo hello; echo zcomet-broker ready listen=a feed=b; exec sleep 60"),
                       now)
                .ok());
    CHECK_FALSE(broker.has_listened());
    REQUIRE(tick_until(broker, now, [&] { return broker.has_listened(); }));
    CHECK(broker.addresses() == "listen=a feed=b");
    CHECK(broker.due() == kNever);
    CHECK_FALSE(broker.given_up());
    broker.end();
    CHECK(broker.fds()[0] == -1);
}

TEST_CASE("a broker that cannot start is not started again", "[kept_broker]") {
    KeptBroker broker;
    const Time now = Time{} + 1h;
    REQUIRE(broker.start(shell("exit 3"), now).ok());
    REQUIRE(tick_until(broker, now, [&] { return broker.given_up().has_value(); }));
    CHECK(broker.given_up()->code == 3);
    CHECK(broker.due() == kNever);
}

TEST_CASE("a broker that dies comes back at its addresses, at once and then with pauses",
          "[kept_broker]") {
    KeptBroker broker;
    Time now = Time{} + 1h;
    // Each process writes down its arguments.
    const test::TemporaryFolder folder;
    const std::string told = folder.path("told");
    const std::string script =
        "echo \"$*\" >> " + told + "; echo zcomet-broker ready listen=a admin=b; kill -9 $$";
    REQUIRE(broker.start(shell(script), now).ok());
    REQUIRE(tick_until(broker, now, [&] { return broker.has_listened(); }));
    // The first death is forgiven at once: the same turn() that sees it starts the next process.
    REQUIRE(
        tick_until(broker, now, [&] { return broker.due() == now + RestartDelay::kFirstPause; }));
    CHECK(broker.fds()[0] == -1);
    broker.turn(now);
    CHECK(broker.fds()[0] == -1); // not before it is due
    now += RestartDelay::kFirstPause;
    broker.turn(now);
    CHECK(broker.fds()[0] != -1);
    REQUIRE(tick_until(broker, now,
                       [&] { return broker.due() == now + 2 * RestartDelay::kFirstPause; }));
    CHECK(broker.addresses() == "listen=a admin=b");
    const std::string again = "--bound-listen=a --bound-admin=b\n";
    CHECK(test::read_file(told) == "\n" + again + again);
}

TEST_CASE("a broker that hangs is killed, and comes back", "[kept_broker]") {
    KeptBroker broker;
    Time now = Time{} + 1h;
    KeptBroker::Command command =
        shell("echo zcomet-broker ready listen=a; test \"$1\" = --pulse-fd=3 && exec sleep 60");
    command.hang_after = 8s;
    REQUIRE(broker.start(command, now).ok());
    REQUIRE(tick_until(broker, now, [&] { return broker.has_listened(); }));
    const int first = broker.fds()[0];
    CHECK(first != -1);
    const test::CapturedLog log;
    for (const Time hangs_at = now + 8s; now < hangs_at;) { // it says nothing
        now = broker.due();
        broker.turn(now);
    }
    // sleep(1) dies of SIGABRT; the turn that sees it starts the next process.
    const std::string died = "event=broker-died how=\"signal 6 (Aborted)\" restart_ms=0";
    REQUIRE(tick_until(broker, now, [&] { return log.text().find(died) != std::string::npos; }));
    CHECK(broker.fds()[0] != -1);
}

} // namespace kept_broker_test
