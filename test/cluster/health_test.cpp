// What balancers and new clients are told while a web node cannot serve streams: /healthz, /readyz,
// and 503 for streams (zcomet-webnode(1), HTTP).
#include "test/support/cluster.hpp"
#include "test/support/stats.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace zcomet;
using namespace zcomet::test;
using Catch::Matchers::Contains;

namespace {

/// Long enough that a broker's restart passes unnoticed, short enough for a test.
const std::vector<std::string> kBrokerOptions{"--liveness-ms", "1500"};

struct Told {
    std::optional<int> status;
    std::string body;
    std::string retry_after;
};

Told ask(const Cluster& cluster, const std::string& path) {
    CometClient client(cluster.http(0));
    client.request("GET", path);
    Told told;
    told.status = client.await_status();
    told.body = client.await_body().value_or("");
    told.retry_after = client.header("retry-after");
    return told;
}

/// The status of a request for a stream.
std::optional<int> stream_status(const Cluster& cluster, std::size_t node, const std::string& id) {
    CometClient client(cluster.http(node));
    client.request("GET", "/test/" + id);
    return client.await_status();
}

} // namespace

TEST_CASE("a web node whose broker is gone refuses new streams, keeps its own, and comes back") {
    Cluster cluster({.web_nodes = 1, .broker_options = kBrokerOptions});
    CHECK(ask(cluster, "/healthz").body == "alive\n");
    const Told ready = ask(cluster, "/readyz");
    CHECK(ready.status == 200);
    CHECK(ready.body == "ready\n");
    CometClient stays = cluster.open_stream(0, "stays");

    cluster.broker().signal(SIGKILL);
    REQUIRE(cluster.broker().wait());
    // For as long as a restart may take, nobody is refused.
    CHECK(stream_status(cluster, 0, "early") == 200);
    REQUIRE(eventually([&] { return ask(cluster, "/readyz").status == 503; }));
    const Told not_ready = ask(cluster, "/readyz");
    CHECK(not_ready.body ==
          "503 Service Unavailable: this node has no live feed from its broker\n");
    CHECK(not_ready.retry_after == "5");
    CHECK(ask(cluster, "/healthz").status == 200);

    const Told refused = ask(cluster, "/test/late");
    CHECK(refused.status == 503);
    CHECK(refused.body == "503 Service Unavailable: this node has no broker\n");
    CHECK(refused.retry_after == "5");
    CHECK(await_stat(cluster, 0, "streams_refused", 1));
    CHECK(cluster.web_node(0).await_log(
        "event=streams-refused node=a/1 streams=1 text=\"this node has no broker\""));
    CHECK(stays.poll_now());

    cluster.start_broker();
    REQUIRE(eventually([&] { return ask(cluster, "/readyz").status == 200; }));
    CometClient late = cluster.open_stream(0, "late");
    CHECK(cluster.await_holders("stays", 1));
    CHECK(cluster.send("stays", "back") == 1);
    CHECK(stays.await_chunks(1).size() == 1);
}

TEST_CASE("a broker that is restarted within a second refuses nobody") {
    Cluster cluster({.web_nodes = 1});
    cluster.broker().signal(SIGKILL);
    REQUIRE(cluster.broker().wait());
    cluster.start_broker();
    std::size_t opened = 0;
    // Until the node is live again, and a little longer.
    while (live_workers(cluster, 0) == 0 || opened < 10) {
        CHECK(stream_status(cluster, 0, "s" + std::to_string(opened)) == 200);
        ++opened;
    }
    CHECK(stat(cluster, 0, "streams_refused") == 0);
}

TEST_CASE("with --without-broker accept streams open without a broker") {
    Cluster cluster({.web_nodes = 1,
                     .broker_options = kBrokerOptions,
                     .web_node_options = {"--without-broker", "accept"}});
    cluster.broker().signal(SIGKILL);
    REQUIRE(cluster.broker().wait());
    REQUIRE(eventually([&] { return ask(cluster, "/readyz").status == 503; }));
    CometClient early = open_stream(cluster.http(0), "early");
    cluster.start_broker();
    REQUIRE(cluster.await_holders("early", 1));
    CHECK(cluster.send("early", "back") == 1);
    CHECK(early.await_chunks(1).size() == 1);
}

TEST_CASE("a full web node is not ready, and says so on a connection that it has") {
    Cluster cluster({.web_nodes = 1, .web_node_options = {"--max-streams", "1"}});
    CometClient client(cluster.http(0)); // takes the only place
    client.request("GET", "/readyz");
    CHECK(client.await_status() == 503);
    CHECK_THAT(client.await_body().value_or(""), Contains("this node has no room"));
}

TEST_CASE("a replaced web node is not ready") {
    Cluster cluster({.web_nodes = 1});
    CometClient client(cluster.http(0));
    client.request("GET", "/readyz");
    REQUIRE(client.await_status() == 200);
    REQUIRE(client.await_body());
    client.next_response();
    const ReadyProgram other("zcomet-webnode", {"--broker", cluster.broker_endpoint(), "--http",
                                                own_address() + ":0", "--name", "a"});
    REQUIRE(cluster.web_node(0).await_log("event=replaced node=a/1"));
    client.request("GET", "/readyz");
    CHECK(client.await_status() == 503);
    CHECK_THAT(client.await_body().value_or(""),
               Contains("another process has the name of this node"));
}
