// How programs start, or refuse to (ports in use, brokers that are not there yet, mistakes in
// options and files), and how they end when told to.
#include "test/support/cluster.hpp"
#include "test/support/eventually.hpp"
#include "test/support/files.hpp"
#include "test/support/programs.hpp"
#include "test/support/stats.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <system_error>

namespace start_up_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

constexpr int kCannotStart = 1;
constexpr int kBadOptions = 2;

Cluster broker_only() {
    return Cluster({.web_nodes = 0});
}

std::string any_port() {
    return "tcp://" + own_address() + ":*";
}

/// Runs a program that should refuse to start. Checks that it gives the reason in one line.
Finished refused(const std::string& program, std::vector<std::string> arguments) {
    Finished finished = run(path_of(program), std::move(arguments));
    INFO(program << ": " << finished.log);
    CHECK(finished.status > 0);
    CHECK(finished.log.starts_with(program + ": "));
    CHECK(std::count(finished.log.begin(), finished.log.end(), '\n') == 1);
    return finished;
}

bool refuses_connections(const wire::HostPort& server) {
    try {
        const CometClient client(server);
    } catch (const std::system_error& error) {
        return error.code() == std::errc::connection_refused;
    }
    return false;
}

bool mentions(const Finished& finished, const std::string& text) {
    return finished.log.find(text) != std::string::npos;
}

} // namespace

TEST_CASE("a second broker on the same address says plainly that the first is there") {
    Cluster cluster = broker_only();
    const Finished second =
        refused("zcomet-broker", {"--listen", cluster.broker_endpoint(), "--feed", any_port()});
    CHECK(mentions(second, cluster.broker_endpoint()));
    CHECK(second.status == kCannotStart); // the port may be free at the next try
    CHECK(cluster.query("stats").at("nodes") == 0);
    const Finished third =
        refused("zcomet-broker", {"--listen", any_port(), "--feed", cluster.feed_endpoint()});
    CHECK(mentions(third, cluster.feed_endpoint()));
}

TEST_CASE("a web node whose port is taken names the port") {
    Cluster cluster({.web_nodes = 1});
    const std::string taken = cluster.http(0).text();
    const Finished second =
        refused("zcomet-webnode", {"--broker", cluster.broker_endpoint(), "--http", taken});
    CHECK(mentions(second, taken));
    CHECK(second.status == kCannotStart);
    CometClient stream = cluster.open_stream(0, "123");
    CHECK(cluster.send("123", "the first one goes on") == 1);
    CHECK(stream.await_chunks(1).size() == 1);
}

TEST_CASE("a web node waits for its broker, says so once, and opens its port when it is live") {
    std::string listen;
    std::string feed;
    {
        Cluster gone = broker_only();
        listen = gone.broker_endpoint();
        feed = gone.feed_endpoint();
    }
    Process web_node(path_of("zcomet-webnode"),
                     {"--broker", listen, "--http", own_address() + ":0", "--name", "early"});
    REQUIRE(web_node.await_log("event=broker-unreachable broker=" + listen +
                               " workers_live=0 workers=1 text=\"no answer, trying on\""));
    // It logs that once, however often it tries; two seconds are two rounds of HELLO.
    CHECK_FALSE(web_node.await_line("zcomet-webnode ready", 2s));
    CHECK_FALSE(web_node.await_log("event=broker-unreachable", 2, 0ms));

    const ReadyProgram broker("zcomet-broker", {"--listen", listen, "--feed", feed});
    CHECK(web_node.await_line("zcomet-webnode ready", 5s));
    CHECK(web_node.await_log("event=broker-reached"));
}

TEST_CASE("a web node that reaches its broker but not the feed says so, and names the feed") {
    // Where nothing listens: like a firewall before one of the broker's two ports.
    const std::string elsewhere = "127.0.0.1";
    const ReadyProgram broker(
        "zcomet-broker", {"--listen", any_port(), "--feed", any_port(), "--advertise", elsewhere});
    Process web_node(path_of("zcomet-webnode"), {"--broker", broker.field("listen"), "--http",
                                                 own_address() + ":0", "--name", "a"});
    CHECK(web_node.await_log("event=no-feed node=a/1 times=1 text=\"nothing has come from the feed "
                             "at tcp://" +
                             elsewhere));
    const Finished nodes =
        run(path_of("zcomet-ctl"), {"--broker", broker.field("listen"), "nodes"});
    CHECK(nodes.output.find("not live") != std::string::npos);
    web_node.signal(SIGTERM);
    CHECK(web_node.wait(5s) == 0);
}

TEST_CASE("a web node says that a broker refuses it, not that it does not answer") {
    const ReadyProgram broker("zcomet-broker",
                              {"--listen", any_port(), "--feed", any_port(), "--peers-max", "1"});
    Process first(path_of("zcomet-msggen"), {"--broker", broker.field("listen"), "--count", "1000",
                                             "--interval", "1000", "--max", "1"});
    REQUIRE(first.await_log("event=welcomed"));
    Process web_node(path_of("zcomet-webnode"), {"--broker", broker.field("listen"), "--http",
                                                 own_address() + ":0", "--name", "a"});
    CHECK(web_node.await_log("event=broker-refuses broker=" + broker.field("listen") +
                             " workers_live=0 workers=1 text=\"the broker answers, but refuses; "
                             "event=refused says why\""));
    CHECK(web_node.await_log("event=refused node=a/1 reason=overloaded times=1 text=\""));
    CHECK_FALSE(web_node.await_log("event=broker-unreachable", 1, 0ms));
    web_node.signal(SIGTERM);
    CHECK(web_node.wait(5s) == 0);
}

TEST_CASE("a broker may listen at a name") {
    const ReadyProgram broker("zcomet-broker",
                              {"--listen", "tcp://localhost:*", "--feed", "tcp://localhost:*"});
    const Finished pinged =
        run(path_of("zcomet-ctl"), {"--broker", broker.field("listen"), "ping"});
    CHECK(pinged.status == 0);
}

TEST_CASE("wrong options are refused with one line and status 2") {
    const std::vector<std::pair<std::string, std::vector<std::string>>> mistakes{
        {"zcomet-broker", {"--no-such-option"}},
        {"zcomet-broker", {"--listen", "localhost"}},
        {"zcomet-broker", {"--listen"}},
        {"zcomet-broker", {"--name", "two words"}},
        {"zcomet-broker", {"--feed-bound", "65536"}},
        {"zcomet-broker", {"--supervise", "--feed-bound", "65536"}},
        {"zcomet-broker", {"--listen", "tcp://127.0.0.1:65535"}},
        {"zcomet-broker", {"--listen", "tcp://*:*"}},
        {"zcomet-broker", {"--supervise", "--listen", "tcp://*:*"}},
        {"zcomet-broker", {"--insecure", "--keys", "."}},
        {"zcomet-webnode", {"--workers", "0"}},
        {"zcomet-webnode", {"--workers", "many"}},
        {"zcomet-webnode", {"--request-deadline-ms", "-1"}},
        {"zcomet-webnode", {"--name", "two words"}},
        {"zcomet-webnode", {"--http", "8000"}},
        {"zcomet-webnode", {"--admin", "nowhere"}},
        {"zcomet-webnode", {"--node", "a"}},
        {"zcomet-webnode", {"--broker", "tcp://127.0.0.1:1", "--broker", "tcp://127.0.0.1:1"}},
        {"zcomet-msggen", {"--count", "20"}},
        {"zcomet-msggen", {"--count", "-1", "--interval", "10", "--max", "5"}},
        {"zcomet-msggen", {"--count", "1", "--interval", "1", "--max", "0"}},
        {"zcomet-msggen",
         {"--count", "1", "--interval", "1", "--max", "1", "--log", "/dev/null", "--message",
          std::string(65'500, 'x')}},
        {"zcomet-floodtest", {"--connections", "10"}},
        {"zcomet-floodtest", {"--connections", "1", "--url", "ftp://127.0.0.1/test/1"}},
        {"zcomet-floodtest",
         {"--connections", "1", "--url", "http://127.0.0.1/test/1", "--source", "nowhere"}},
        {"zcomet-ctl", {}},
        {"zcomet-ctl", {"dance"}},
        {"zcomet-ctl", {"who", "not an id"}},
        {"zcomet-memlog", {}},
        {"zcomet-memlog", {"--admin", "ftp://127.0.0.1:1"}},
        {"zcomet-memlog", {"--admin", "http://127.0.0.1"}},
        {"zcomet-broker", {"--admin", "nowhere"}},
        {"zcomet-broker", {"--advertise", "a b"}},
        {"zcomet-webnode", {"--broker", "tcp://nowhere"}},
        {"zcomet-webnode", {"--broker", "ipc:///tmp/broker"}},
        {"zcomet-webnode", {"--http", "127.0.0.1:99999"}},
        {"zcomet-msggen",
         {"--count", "1", "--interval", "1", "--max", "1", "--broker", "tcp://nowhere"}},
        {"zcomet-ctl", {"--broker", "tcp://nowhere", "ping"}},
        {"zcomet-webnode", {"--http", "https://127.0.0.1:8000"}},
        {"zcomet-webnode", {"--admin", "http://127.0.0.1:8000/stats"}},
        {"zcomet-webnode", {"--http-name", "http://comet.example"}},
    };
    for (const auto& [program, arguments] : mistakes) {
        INFO(program << " " << (arguments.empty() ? "" : arguments.front()));
        CHECK(refused(program, arguments).status == kBadOptions);
    }
}

TEST_CASE("streams that other machines reach want a word on who may listen") {
    for (const std::string http : {"*:0", "0.0.0.0:0", "[::]:0"}) {
        CAPTURE(http);
        const Finished finished =
            refused("zcomet-webnode", {"--http", http, "--broker", "tcp://127.0.0.1:9"});
        CHECK(finished.status == kBadOptions);
        CHECK(mentions(finished, "--http " + http.substr(0, http.size() - 1)));
        CHECK(mentions(finished, "give --token-keys FILE"));
        CHECK(mentions(finished, "--auth public"));
    }
    Process web_node(path_of("zcomet-webnode"),
                     {"--http", "*:0", "--auth", "public", "--broker", "tcp://127.0.0.1:9"});
    CHECK(web_node.await_log("event=auth streams=public publishing=- "));
    web_node.signal(SIGTERM);
    CHECK(web_node.wait(5s) == 0);
}

TEST_CASE("an API that other machines reach needs tokens") {
    const std::vector<std::string> others{"--http", "127.0.0.1:0", "--broker", "tcp://127.0.0.1:9"};
    for (const std::string api : {"*:0", "0.0.0.0:0", "[::]:0"}) {
        CAPTURE(api);
        std::vector<std::string> arguments{"--api", api};
        arguments.insert(arguments.end(), others.begin(), others.end());
        const Finished finished = refused("zcomet-webnode", arguments);
        CHECK(finished.status == kBadOptions);
        CHECK(mentions(finished, "--api-auth token and --token-keys FILE"));
        CHECK(mentions(finished, "--api " + api.substr(0, api.size() - 1)));
    }
}

TEST_CASE("addresses that make no sense are refused") {
    CHECK(mentions(refused("zcomet-webnode", {"--broker", "tcp://nowhere"}), "tcp://nowhere"));
    CHECK(mentions(refused("zcomet-webnode", {"--broker", any_port()}), any_port()));
    CHECK(mentions(
        refused("zcomet-webnode", {"--broker", "tcp://127.0.0.1:9", "--http", "127.0.0.1:99999"}),
        "99999"));
    CHECK(mentions(
        refused("zcomet-floodtest", {"--connections", "1", "--url", "ftp://127.0.0.1/test/1"}),
        "ftp://"));
}

TEST_CASE("every program explains itself and says which release it is") {
    for (const char* program : {"zcomet-broker", "zcomet-webnode", "zcomet-msggen",
                                "zcomet-floodtest", "zcomet-memlog", "zcomet-ctl"}) {
        INFO(program);
        const Finished help = run(path_of(program), {"--help"});
        CHECK(help.status == 0);
        CHECK(help.output.find("--config") != std::string::npos);
        const Finished version = run(path_of(program), {"--version"});
        CHECK(version.status == 0);
        CHECK(version.output.starts_with(std::string(program) + " 0."));
    }
}

TEST_CASE("options may come from a file, in which unknown names are mistakes") {
    const TemporaryFolder folder;
    const std::string good = folder.write("broker.toml", "listen = \"" + any_port() +
                                                             "\"\nfeed = \"" + any_port() + "\"\n");
    const ReadyProgram broker("zcomet-broker", {"--config", good});
    CHECK(broker.field("listen").starts_with("tcp://" + own_address()));

    const std::string bad = folder.write("misspelt.toml", "lisen = \"" + any_port() + "\"\n");
    const Finished misspelt = refused("zcomet-broker", {"--config", bad});
    CHECK(misspelt.status == kBadOptions);
    CHECK(mentions(misspelt, bad));
    CHECK(mentions(misspelt, "lisen"));
    CHECK(refused("zcomet-broker", {"--config", folder.path("absent.toml")}).status == kBadOptions);
}

TEST_CASE("a mistake in a cluster file is named with its line, by every program") {
    const TemporaryFolder folder;
    const std::string file = folder.write("cluster.toml", "[[host]]\n"
                                                          "name = \"here\"\n"
                                                          "adress = \"127.0.0.1\"\n");
    const std::string place = file + ":3: ";
    const std::vector<std::pair<std::string, std::vector<std::string>>> readers{
        {"zcomet-broker", {"--cluster", file, "--host", "here"}},
        {"zcomet-webnode", {"--cluster", file, "--node", "a"}},
        {"zcomet-ctl", {"--cluster", file, "nodes"}},
        {"zcomet-msggen", {"--cluster", file, "--count", "1", "--interval", "1", "--max", "1"}},
    };
    for (const auto& [program, arguments] : readers) {
        const Finished finished = refused(program, arguments);
        CHECK(mentions(finished, place));
        CHECK(finished.status == kBadOptions);
    }
    const Finished nameless = refused("zcomet-webnode", {"--cluster", file});
    CHECK(mentions(nameless, "--node"));
    CHECK(nameless.status == kBadOptions);
    const Finished absent =
        refused("zcomet-ctl", {"--cluster", folder.path("absent.toml"), "nodes"});
    CHECK(mentions(absent, "absent.toml"));
    CHECK(absent.status == kBadOptions);
}

TEST_CASE("every program that keeps running logs its settings at start") {
    Cluster cluster({.web_nodes = 1});
    CHECK(cluster.broker().await_log("event=settings listen=tcp://"));
    CHECK(cluster.web_node(0).await_log(
        "event=settings broker=" + cluster.broker_endpoint() +
        " replicas=2 failover_ms=1000 key=- http=" + cluster.http(0).text()));
    const Finished generated =
        run(path_of("zcomet-msggen"), {"--broker", cluster.broker_endpoint(), "--count", "1",
                                       "--interval", "0", "--max", "1", "--json"});
    CHECK(mentions(generated, "event=settings count=1 interval=0 max=1 "));
    const Finished flood = run(path_of("zcomet-floodtest"),
                               {"--connections", "1", "--duration", "0", "--url",
                                "http://" + cluster.http(0).text() + "/test/1", "--json"});
    CHECK(mentions(flood, "event=settings connections=1 "));
    const Finished asked = run(path_of("zcomet-ctl"), {"--broker", cluster.broker_endpoint(),
                                                       "--log-level", "debug", "nodes"});
    CHECK(mentions(asked, "event=settings broker=" + cluster.broker_endpoint()));
}

TEST_CASE("the newer of two web nodes with one name keeps it, and the older waits for the name") {
    Cluster cluster({.web_nodes = 1});
    CometClient stream = cluster.open_stream(0, "123");
    CometClient idle(cluster.http(0));
    REQUIRE(idle.request("GET", "/nowhere"));
    REQUIRE(idle.await_status() == 404);
    REQUIRE(idle.await_body());
    idle.next_response();
    ReadyProgram second("zcomet-webnode", {"--broker", cluster.broker_endpoint(), "--http",
                                           own_address() + ":0", "--name", "a"});
    CHECK(cluster.web_node(0).await_log("event=replaced node=a/1"));
    // Its streams end, and it takes no new ones, neither on old connections nor on new ones.
    CHECK(stream.await_close());
    CHECK(idle.request("GET", "/test/123"));
    CHECK(idle.await_status() == 503);
    CHECK(eventually([&cluster] { return refuses_connections(cluster.http(0)); }));
    CHECK(cluster.await_holders("123", 0));
    CHECK(cluster.query("nodes").size() == 1);
    CHECK(second.process().wait(0ms) == std::nullopt);
    CHECK(stat(cluster, 0, "replaced_times") == 1);
    CHECK(stat(cluster, 0, "replaced_closes") == 1);
    // When the name is free it comes back by itself.
    second.process().signal(SIGTERM);
    CHECK(second.process().wait(5s) == 0);
    CHECK(cluster.web_node(0).await_log("event=name-back node=a/1"));
    CHECK(eventually([&cluster] { return !refuses_connections(cluster.http(0)); }));
    CometClient again = cluster.open_stream(0, "123");
    CHECK(cluster.send("123", "back") == 1);
    CHECK(again.await_chunks(1).size() == 1);
}

TEST_CASE("SIGTERM and SIGINT end every program soon and in order") {
    Cluster cluster;
    CometClient stream = cluster.open_stream(0, "123");
    Process generator(path_of("zcomet-msggen"), {"--broker", cluster.broker_endpoint(), "--count",
                                                 "1000000", "--interval", "10", "--max", "5"});
    Process flood(path_of("zcomet-floodtest"), {"--connections", "10", "--rate", "0", "--url",
                                                "http://" + cluster.http(1).text() + "/test/{id}"});
    REQUIRE(flood.await_line("Stats: {10,0,"));
    flood.signal(SIGINT);
    CHECK(flood.wait(5s) == 0);
    generator.signal(SIGTERM);
    // Not all messages were sent, so it is not a success; the status names the signal.
    CHECK(generator.wait(5s) == 128 + SIGTERM);
    cluster.web_node(0).signal(SIGTERM);
    CHECK(cluster.web_node(0).wait(5s) == 0);
    cluster.web_node(1).signal(SIGINT);
    CHECK(cluster.web_node(1).wait(5s) == 0);
    cluster.broker().signal(SIGTERM);
    CHECK(cluster.broker().wait(5s) == 0);
}

TEST_CASE("a web node ends on SIGTERM while it still waits for its broker") {
    Process web_node(path_of("zcomet-webnode"),
                     {"--broker", "tcp://" + own_address() + ":9", "--http", own_address() + ":0",
                      "--name", "early"});
    REQUIRE(web_node.await_log("tcp://" + own_address() + ":9"));
    web_node.signal(SIGTERM);
    CHECK(web_node.wait(5s) == 0);
}

} // namespace start_up_test
