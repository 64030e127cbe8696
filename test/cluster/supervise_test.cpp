// zcomet-broker --supervise: the broker is a child process that may die at any time. It is back at
// once, at the same addresses, and its nodes tell it its table.
#include "test/support/cluster.hpp"
#include "test/support/programs.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace supervise_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

/// The process of the supervisor's broker number `number`, from 1, as its ready line said; the last
/// one that there was.
pid_t broker_pid(Process& supervisor, std::size_t number = 1) {
    constexpr std::string_view kKey = "event=ready pid=";
    REQUIRE(supervisor.await_log(kKey, number)); // the log may come after the ready line
    const std::string log = supervisor.log();
    const auto at = log.rfind(kKey);
    REQUIRE(at != std::string::npos);
    return static_cast<pid_t>(std::stol(log.substr(at + kKey.size())));
}

void kill_broker(Process& supervisor, std::size_t number) {
    const pid_t pid = broker_pid(supervisor, number);
    REQUIRE(pid != supervisor.pid());
    REQUIRE(::kill(pid, SIGKILL) == 0);
}

Cluster supervised() {
    return Cluster({.web_nodes = 2, .broker_options = {"--supervise"}});
}

} // namespace

TEST_CASE("a supervised broker that is killed is back by itself, and messages arrive") {
    Cluster cluster = supervised(); // on ports that the system chose, which it has to get again
    CometClient here = cluster.open_stream(0, "123");
    CometClient there = cluster.open_stream(1, "123");
    CHECK(cluster.send("123", "before") == 2);
    REQUIRE(here.await_chunks(1).size() == 1);

    constexpr std::size_t kKills = 3;
    for (std::size_t k = 1; k <= kKills; ++k) {
        kill_broker(cluster.broker(), k);
        REQUIRE(cluster.broker().await_log("event=broker-died how=\"signal 9 (Killed)\"", k));
        REQUIRE(cluster.broker().await_log("event=broker-back", k));
        CHECK(cluster.await_holders("123", 2));
        const auto client = cluster.connect();
        CHECK(client->send_with_receipt("123", "again").value().nodes == 2);
        for (CometClient* stream : {&here, &there}) {
            REQUIRE(stream->await_chunks(k + 1).size() == k + 1);
            CHECK(stream->chunks()[k] == comet_chunk(k + 1, "again"));
        }
    }
    // A reader that waits for the ready line reads it once.
    const std::string output = cluster.broker().output();
    CHECK(std::count(output.begin(), output.end(), '\n') == 1);
}

TEST_CASE("a supervised broker that hangs is killed, and the next one is found") {
    Cluster cluster({.web_nodes = 1, .broker_options = {"--supervise", "--hang-after", "2"}});
    CometClient stream = cluster.open_stream(0, "123");
    REQUIRE(::kill(broker_pid(cluster.broker()), SIGSTOP) == 0);
    REQUIRE(cluster.broker().await_log("event=broker-hung"));
    REQUIRE(cluster.broker().await_log("event=broker-died how=\"signal 9 (Killed)\""));
    REQUIRE(cluster.broker().await_log("event=broker-back"));
    CHECK(cluster.await_holders("123", 1));
    CHECK(cluster.send("123", "after") == 1);
    CHECK(stream.await_chunks(1).size() == 1);
}

TEST_CASE("a supervisor's broker ends with it, on SIGTERM and SIGKILL") {
    Cluster cluster({.web_nodes = 0, .broker_options = {"--supervise"}});
    REQUIRE(broker_pid(cluster.broker()) != cluster.broker().pid());
    cluster.broker().signal(SIGTERM);
    CHECK(cluster.broker().wait() == 0);
    CHECK_FALSE(cluster.holders("123")); // nobody answers

    cluster.start_broker();
    CHECK(cluster.holders("123") == 0);
    cluster.broker().signal(SIGKILL);
    REQUIRE(cluster.broker().wait());
    CHECK(eventually([&] { return !cluster.holders("123"); }));
}

TEST_CASE("a supervised broker that cannot start says why, once") {
    Cluster cluster({.web_nodes = 0});
    const Finished second =
        run(path_of("zcomet-broker"), {"--supervise", "--listen", cluster.broker_endpoint(),
                                       "--feed", "tcp://" + own_address() + ":*"});
    CHECK(second.status == 1);
    CHECK(second.output.empty());
    INFO(second.log);
    CHECK(second.log.starts_with("zcomet-broker: "));
    CHECK(second.log.find(cluster.broker_endpoint()) != std::string::npos);
    CHECK(std::count(second.log.begin(), second.log.end(), '\n') == 1);
}

} // namespace supervise_test
