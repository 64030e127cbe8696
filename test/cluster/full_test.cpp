// Workers that have no room for another stream: no connection is accepted and then dropped, and
// none waits for a place while another worker has one.
#include "test/support/cluster.hpp"
#include "test/support/programs.hpp"
#include "test/support/stats.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <sstream>
#include <system_error>

namespace full_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

/// A web node with room for a hundred streams, all from one address.
Cluster two_workers_of_fifty() {
    return Cluster({.web_nodes = 1,
                    .workers = 2,
                    .web_node_options = {"--max-streams", "50", "--per-address", "0"}});
}

bool refuses(const wire::HostPort& server) {
    try {
        const CometClient client(server);
    } catch (const std::system_error& error) {
        return error.code() == std::errc::connection_refused;
    }
    return false;
}

/// Opens streams one after the other. @return those that were served.
std::vector<CometClient> open_streams(const wire::HostPort& server, std::size_t count) {
    std::vector<CometClient> streams;
    for (std::size_t i = 0; i < count; ++i) {
        CometClient stream(server);
        if (stream.request("GET", "/test/crowd") && stream.await_status() == 200) {
            streams.push_back(std::move(stream));
        }
    }
    return streams;
}

void close_all_but(std::size_t count, std::vector<CometClient>& streams) {
    streams.erase(streams.begin() + static_cast<std::ptrdiff_t>(count), streams.end());
}

/// Checks that each stream is open and gets a message sent now.
void check_that_all_hear(Cluster& cluster, std::vector<CometClient>& streams,
                         const std::string& text) {
    CHECK(cluster.send("crowd", text) > 0);
    for (CometClient& stream : streams) {
        CHECK(eventually([&] {
            stream.poll_now();
            return std::any_of(
                stream.chunks().begin(), stream.chunks().end(),
                [&](const std::string& chunk) { return chunk.find(text) != std::string::npos; });
        }));
    }
}

/// Processor time that a process has used.
Duration cpu_time(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) {
        fields >> skipped;
    }
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    fields >> user >> system;
    return (user + system) * 1s / ::sysconf(_SC_CLK_TCK);
}

/// How much of a processor a process uses from now on, over a second or more: in a moment it may
/// well use all of one.
class ProcessorShare {
  public:
    explicit ProcessorShare(pid_t pid) : pid_(pid), used_(cpu_time(pid)) {}
    [[nodiscard]] double value() const {
        return std::chrono::duration<double>(cpu_time(pid_) - used_) /
               std::max<Duration>(Clock::now() - began_, 1s);
    }

  private:
    pid_t pid_;
    Duration used_;
    Time began_ = Clock::now();
};
/// A process that spins uses all of a processor, or as much as others leave to it; one with
/// sanitizers uses a part for what it has to do.
constexpr double kBusy = 0.7;

} // namespace

TEST_CASE("workers take streams up to the last place, then refuse, then take more") {
    Cluster cluster = two_workers_of_fifty();
    const wire::HostPort& server = cluster.http(0);
    std::vector<CometClient> streams = open_streams(server, 100);
    REQUIRE(streams.size() == 100);
    REQUIRE(await_stat(cluster, 0, "full", 2));
    CHECK(stat(cluster, 0, "streams") == 100);
    CHECK(stat(cluster, 0, "full_times") == 2);
    CHECK(cluster.web_node(0).await_log("event=near-limit node=a/1 limit=max-streams used="));
    CHECK(cluster.web_node(0).await_log("event=near-limit node=a/2 limit=max-streams used="));
    CHECK(refuses(server));
    REQUIRE(cluster.await_holders("crowd", 2));
    check_that_all_hear(cluster, streams, "all of you");

    // Closes at least ten of one worker's streams, which makes room in it.
    close_all_but(80, streams);
    REQUIRE(eventually([&] { return stat(cluster, 0, "full") < 2; }));
    for (CometClient& stream : open_streams(server, 6)) {
        streams.push_back(std::move(stream));
    }
    CHECK(streams.size() == 86);
    check_that_all_hear(cluster, streams, "and the new ones");
}

TEST_CASE("all of many simultaneous clients find a place while there is room") {
    Cluster cluster = two_workers_of_fifty();
    const wire::HostPort& server = cluster.http(0);
    std::vector<std::future<std::vector<CometClient>>> crowds;
    crowds.reserve(10);
    for (int i = 0; i < 10; ++i) {
        crowds.push_back(std::async(std::launch::async, [&] { return open_streams(server, 10); }));
    }
    std::vector<CometClient> streams;
    for (auto& crowd : crowds) {
        for (CometClient& stream : crowd.get()) {
            streams.push_back(std::move(stream));
        }
    }
    CHECK(streams.size() == 100);
    REQUIRE(eventually([&] { return stat(cluster, 0, "streams") == 100; }));
    REQUIRE(cluster.await_holders("crowd", 2));
    check_that_all_hear(cluster, streams, "all of you");
}

TEST_CASE("out of descriptors, a web node refuses, keeps its streams, and then goes on") {
    Cluster cluster({.web_nodes = 1,
                     .web_node_options = {"--per-address", "0", "--stream-heartbeat", "1"},
                     .web_node_process = {.open_files_max = 80}});
    const std::uint64_t room = stat(cluster, 0, "streams_max");
    REQUIRE(room > 10);
    REQUIRE(room < 80);
    std::vector<CometClient> streams = open_streams(cluster.http(0), room);
    REQUIRE(streams.size() == room);
    REQUIRE(await_stat(cluster, 0, "full", 1));
    CHECK(refuses(cluster.http(0)));
    REQUIRE(cluster.await_holders("crowd", 1));
    check_that_all_hear(cluster, streams, "still here");
    // Until each stream has had its next signs of life, the worker has little to do.
    const ProcessorShare share(worker_pid(cluster, 0, 1));
    for (CometClient& stream : streams) {
        const std::size_t before = stream.chunks().size();
        CHECK(stream.await_chunks(before + 2).size() >= before + 2);
    }
    CHECK(share.value() < kBusy);

    close_all_but(room / 2, streams);
    REQUIRE(await_stat(cluster, 0, "full", 0));
    for (CometClient& stream : open_streams(cluster.http(0), room / 4)) {
        streams.push_back(std::move(stream));
    }
    CHECK(streams.size() == room / 2 + room / 4);
    check_that_all_hear(cluster, streams, "together");
}

TEST_CASE("a broker out of descriptors names its limit, does not spin, and goes on") {
    const std::string any = "tcp://" + own_address() + ":*";
    ReadyProgram broker("zcomet-broker", {"--listen", any, "--feed", any}, {.open_files_max = 64});
    const wire::HostPort listen = wire::parse_tcp_endpoint(broker.field("listen")).value();
    std::vector<CometClient> silent; // they connect, and never say a word of ZeroMQ
    for (int i = 0; i < 60; ++i) {
        try {
            silent.emplace_back(listen);
        } catch (const std::system_error&) { // turned away, after some time
            break;
        }
        if (broker.process().await_log("event=descriptors-short limit=64", 1, 0ms)) {
            break;
        }
    }
    REQUIRE(broker.process().await_log("event=descriptors-short limit=64"));
    // It takes a while to see that the connections are silent, and ends them then.
    const ProcessorShare share(broker.process().pid());
    REQUIRE(broker.process().await_log("event=descriptors-enough limit=64"));
    CHECK(broker.process().await_log("event=connections-ended count="));
    CHECK(share.value() < kBusy);
    const auto asked = [&] {
        return run(path_of("zcomet-ctl"), {"--broker", broker.field("listen"), "stats"});
    };
    Finished stats;
    CHECK(eventually([&] { return (stats = asked()).status == 0; }));
    CHECK(stats.output.find("descriptor_shortages") != std::string::npos);
    broker.process().signal(SIGTERM);
    CHECK(broker.process().wait(5s) == 0);
}

TEST_CASE("one address does not take all places: others still come in") {
    Cluster cluster({.web_nodes = 1, .web_node_options = {"--max-streams", "40"}});
    const wire::HostPort& server = cluster.http(0);
    std::vector<CometClient> streams;
    int refused = 0;
    for (int i = 0; i < 46; ++i) {
        CometClient stream(server, 0, "127.0.0.1");
        if (stream.request("GET", "/test/crowd") && stream.await_status() == 200) {
            streams.push_back(std::move(stream));
        } else {
            CHECK(stream.await_status() == 503);
            CHECK(stream.await_body().value_or("").find("too many connections") !=
                  std::string::npos);
            ++refused;
        }
    }
    CHECK(streams.size() == 20); // half of the places, since it was alone
    CHECK(refused == 26);
    CHECK(stat(cluster, 0, "address_refusals") == 26);
    CHECK(cluster.web_node(0).await_log("event=address-full address=127.0.0.1:"));
    for (int i = 0; i < 5; ++i) { // an eighth
        CometClient stream(server, 0, "127.0.0.2");
        REQUIRE(stream.request("GET", "/test/crowd"));
        REQUIRE(stream.await_status() == 200);
        streams.push_back(std::move(stream));
    }
    CometClient sixth(server, 0, "127.0.0.2");
    CHECK(sixth.request("GET", "/test/crowd"));
    CHECK(sixth.await_status() == 503);
    CHECK(cluster.await_holders("crowd", 1));
    check_that_all_hear(cluster, streams, "all of you");
    CHECK(await_stat(cluster, 0, "address_most", 20));
    streams.erase(streams.begin(), streams.begin() + 10); // places of the first come free
    REQUIRE(await_stat(cluster, 0, "streams", 15));
    CometClient seventh(server, 0, "127.0.0.2"); // the worker is not half full any more
    CHECK(seventh.request("GET", "/test/crowd"));
    CHECK(seventh.await_status() == 200);
}

TEST_CASE("a web node says how many streams its limits allow") {
    Cluster asked = two_workers_of_fifty();
    CHECK(asked.web_node(0).await_log("event=capacity workers=2 streams_max=100 "));
    CHECK(asked.web_node(0).log().find("bound=max-streams") != std::string::npos);
    Cluster limited({.web_nodes = 1, .web_node_process = {.open_files_max = 80}});
    CHECK(limited.web_node(0).await_log("files_max=80 bound=files"));
}

} // namespace full_test
