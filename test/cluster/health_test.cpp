// What a web node tells balancers, clients, operators and streams of its state: /healthz, /readyz,
// 503, log lines, and gaps (zcomet-webnode(1)).
#include "test/support/cluster.hpp"
#include "test/support/programs.hpp"
#include "test/support/relay.hpp"
#include "test/support/stats.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace health_test {

using namespace zcomet;
using namespace zcomet::test;
using Catch::Matchers::Contains;

namespace {

/// Long enough that a broker's restart passes unnoticed, short enough for a test.
const std::vector<std::string> kBrokerOptions{"--liveness-ms", "1500"};

const std::string kNoFeed = "503 Service Unavailable: this node has no live feed from its broker\n";
const std::string kOutOfTouch =
    "this node has not heard its broker, or its whole feed, for two heartbeats";

struct Told {
    std::optional<int> status;
    std::string body;
    std::string retry_after;
};

Told ask(const wire::HostPort& server, const std::string& path) {
    CometClient client(server);
    client.request("GET", path);
    Told told;
    told.status = client.await_status();
    told.body = client.await_body().value_or("");
    told.retry_after = client.header("retry-after");
    return told;
}

Told ask(const Cluster& cluster, const std::string& path) {
    return ask(cluster.http(0), path);
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
    REQUIRE(eventually([&] { return ask(cluster, "/readyz").body == kNoFeed; }));
    const Told not_ready = ask(cluster, "/readyz");
    CHECK(not_ready.status == 503);
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
    REQUIRE(eventually([&] { return ask(cluster, "/readyz").body == kNoFeed; }));
    CometClient early = open_stream(cluster.http(0), "early");
    cluster.start_broker();
    REQUIRE(cluster.await_holders("early", 1));
    CHECK(cluster.send("early", "back") == 1);
    CHECK(early.await_chunks(1).size() == 1);
}

TEST_CASE("a web node whose feed alone is dead says so, as long as that lasts") {
    std::vector<std::string> broker_options = kBrokerOptions;
    broker_options.insert(broker_options.end(), {"--advertise", address_in_front()});
    Cluster cluster({.web_nodes = 0, .broker_options = broker_options});
    Relay feed(address_in_front(), wire::parse_tcp_endpoint(cluster.feed_endpoint()).value());
    ReadyProgram node("zcomet-webnode",
                      {"--broker", cluster.broker_endpoint(), "--http", own_address() + ":0",
                       "--name", "a", "--drain-grace", "0", "--drain-seconds", "0"});
    const wire::HostPort server = wire::parse_http_address(node.field("http")).value();
    CometClient stream = open_stream(server, "123");
    REQUIRE(cluster.await_holders("123", 1));
    CHECK(ask(server, "/readyz").status == 200);
    CHECK(cluster.query("nodes").at(0).at("live") == true);

    feed.cut();
    REQUIRE(eventually([&] { return ask(server, "/readyz").status == 503; }));
    REQUIRE(eventually([&] { return cluster.query("nodes").at(0).at("live") == false; }));
    // The broker hears the node, and welcomes it each time that it asks. That changes nothing.
    while (!node.process().await_log("event=no-feed node=a/1", 2, 0ms)) {
        REQUIRE(ask(server, "/readyz").body == kNoFeed);
        REQUIRE(ask(server, "/test/late").status == 503);
        REQUIRE(cluster.query("nodes").at(0).at("live") == false);
    }
    CHECK(node.process().await_log("text=\"nothing has come from the feed at tcp://" +
                                   address_in_front()));
    CHECK(cluster.holders("123") == 1); // it is not dead
    CHECK(cluster.send("123", "meanwhile") == 1);

    feed.heal();
    REQUIRE(eventually([&] { return ask(server, "/readyz").status == 200; }));
    CHECK(eventually([&] { return cluster.query("nodes").at(0).at("live") == true; }));
    REQUIRE(stream.await_chunks(1).size() == 1);
    CHECK(stream.chunks()[0] == comet_chunk(1, "meanwhile"));
    node.process().signal(SIGTERM);
    CHECK(node.process().wait(5s) == 0);
}

TEST_CASE("a web node whose broker has stopped is not ready, long before it gives the broker up") {
    Cluster cluster({.web_nodes = 1, .broker_options = {"--liveness-ms", "6000"}});
    CometClient stream = cluster.open_stream(0, "123");
    REQUIRE(ask(cluster, "/readyz").status == 200);
    cluster.broker().signal(SIGSTOP);
    Told not_ready;
    REQUIRE(eventually([&] { return (not_ready = ask(cluster, "/readyz")).status == 503; }, 10s));
    CHECK_THAT(not_ready.body, Contains(kOutOfTouch));
    CHECK(stream_status(cluster, 0, "late") ==
          200); // a broker may be back within the liveness time
    cluster.broker().signal(SIGCONT);
    CHECK(eventually([&] { return ask(cluster, "/readyz").status == 200; }));
    CHECK(stat(cluster, 0, "broker_losses") == 0);
    CHECK(cluster.send("123", "hi") == 1);
    CHECK(stream.await_chunks(1).size() == 1);
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

namespace {

const std::string kGap = "<em>Some messages were missed.</em><br/>\n";

/// Stops the node's worker until the broker has logged its id out, so that it comes back to another
/// feed.
void cut_off(Cluster& cluster, const std::string& id) {
    const pid_t worker = worker_pid(cluster, 0, 1);
    REQUIRE(::kill(worker, SIGSTOP) == 0);
    CHECK(cluster.await_holders(id, 0));
    CHECK(cluster.send(id, "missed") == 0);
    REQUIRE(::kill(worker, SIGCONT) == 0);
    REQUIRE(cluster.await_holders(id, 1));
    // The broker knows before the node does, which takes no new streams until then.
    REQUIRE(eventually([&] { return ask(cluster, "/readyz").status == 200; }));
}

} // namespace

TEST_CASE("streams that were open while their node was cut off are told, later ones are not") {
    Cluster cluster({.web_nodes = 1, .broker_options = kBrokerOptions, .tells_gaps = true});
    CometClient old = cluster.open_stream(0, "old");
    CometClient plain(cluster.http(0)); // without chunks, the line comes as bytes
    REQUIRE(plain.send("GET /test/plain HTTP/1.0\r\n\r\n"));
    REQUIRE(plain.await_status() == 200);
    REQUIRE(cluster.await_holders("plain", 1));
    cut_off(cluster, "old");
    CometClient young = cluster.open_stream(0, "young");
    CHECK(old.await_chunks(1, 15s).size() == 1);
    CHECK(old.chunks()[0] == kGap);
    CHECK(eventually([&] { return plain.poll_now() && plain.unread() == kGap; }, 15s));
    CHECK(await_stat(cluster, 0, "gaps_told", 2));
    CHECK(await_stat(cluster, 0, "cut_offs", 1));
    CHECK(await_stat(cluster, 0, "streams_cut_off", 2));
    CHECK(cluster.web_node(0).await_log("event=cut-off node=a/1"));
    CHECK(
        eventually([&] { return cluster.query("ledger").at("nodes").at("streams_cut_off") == 2; }));
    CHECK(cluster.send("young", "first") == 1);
    REQUIRE(young.await_chunks(1).size() == 1);
    CHECK(young.chunks()[0] == comet_chunk(1, "first"));
    CHECK(cluster.send("old", "next") == 1);
    REQUIRE(old.await_chunks(2).size() == 2);
    CHECK(old.chunks()[1] == comet_chunk(1, "next")); // the line has no number
}

TEST_CASE("with --tell-gaps none a gap is counted, and no stream is told") {
    Cluster cluster({.web_nodes = 1, .broker_options = kBrokerOptions});
    CometClient old = cluster.open_stream(0, "old");
    cut_off(cluster, "old");
    CHECK(await_stat(cluster, 0, "cut_offs", 1));
    CHECK(cluster.send("old", "next") == 1);
    REQUIRE(old.await_chunks(1).size() == 1);
    CHECK(old.chunks()[0] == comet_chunk(1, "next"));
    CHECK(stat(cluster, 0, "gaps_told") == 0);
}

TEST_CASE("the access log has each Nth stream, from its opening to its end") {
    Cluster cluster({.web_nodes = 1, .web_node_options = {"--access-log", "2"}});
    CometClient first = cluster.open_stream(0, "first");
    CometClient second = cluster.open_stream(0, "second");
    CHECK(cluster.web_node(0).await_log("event=opened node=a/1 id=second address=127."));
    CHECK_FALSE(cluster.web_node(0).await_log("id=first", 1, 0ms));
    CHECK(cluster.send("second", "hi") == 1);
    CHECK(second.await_chunks(1).size() == 1);
    { const CometClient gone = std::move(second); }
    CHECK(cluster.web_node(0).await_log(
        "event=closed node=a/1 reason=peer messages=1 id=second address=127."));
    CHECK(cluster.web_node(0).await_log(" seconds=0."));
    CHECK(cluster.web_node(0).await_log(" bytes="));
}

TEST_CASE("refused requests are logged, with one of their addresses") {
    Cluster cluster({.web_nodes = 1});
    CHECK(ask(cluster, "/test/not+an+id").status == 400);
    CHECK(cluster.web_node(0).await_log(
        "event=requests-refused node=a/1 requests=1 status=400 id=- address=127."));
}

TEST_CASE("a stream that sends too much is logged when it is ended, with its id and address") {
    Cluster cluster({.web_nodes = 1});
    CometClient stream = cluster.open_stream(0, "123");
    CHECK(stream.send(std::string(65'537, 'x')));
    CHECK(stream.await_close());
    CHECK(cluster.web_node(0).await_log("event=input node=a/1 streams=1 id=123 address=127."));
    CHECK(stat(cluster, 0, "input_closes") == 1);
}

TEST_CASE("unfinished requests that are too many are logged, with one of their addresses") {
    Cluster cluster({.web_nodes = 1,
                     .web_node_options = {"--request-memory", "8388608", "--per-address", "0",
                                          "--request-deadline-ms", "60000"}});
    const std::string line = "X: " + std::string(7'900, 'x') + "\r\n";
    const std::string unfinished = "GET /test/1 HTTP/1.1\r\nHost: localhost\r\n" + line + line;
    std::vector<CometClient> clients;
    while (clients.size() < 600 && !cluster.web_node(0).await_log("event=requests-shed", 1, 0ms)) {
        clients.emplace_back(cluster.http(0));
        REQUIRE(clients.back().send(unfinished));
    }
    CHECK(cluster.web_node(0).await_log("event=requests-shed node=a/1 requests="));
    CHECK(cluster.web_node(0).await_log(" request_memory=8388608 id=- address=127."));
    CHECK(stat(cluster, 0, "requests_shed") >= 1);
}

TEST_CASE("the list of nodes says how much room each has, and whether it hears its feed") {
    Cluster cluster({.web_nodes = 1,
                     .broker_options = kBrokerOptions,
                     .web_node_options = {"--max-streams", "10"}});
    CometClient stream = cluster.open_stream(0, "123");
    CHECK(eventually([&] {
        const auto nodes = cluster.query("nodes");
        return nodes.at(0).at("room") == 9 && nodes.at(0).at("streams") == 1;
    }));
    CHECK(cluster.query("nodes").at(0).at("live") == true);
}

namespace {

/// An API on a free port of this test's own address.
std::vector<std::string> with_api(std::vector<std::string> options) {
    options.insert(options.end(), {"--api", own_address() + ":0"});
    return options;
}

/// Begins a message to the API and does not end it.
CometClient begin_message(const Cluster& cluster) {
    CometClient client(cluster.api(0));
    CHECK(client.send("POST /send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" +
                      std::string(100'000, 'x')));
    return client;
}

} // namespace

TEST_CASE("what the API refuses is counted and logged apart from the public port") {
    Cluster cluster({.web_nodes = 1,
                     .broker_options = kBrokerOptions,
                     .web_node_options = with_api({"--access-log", "1"})});
    CometClient stream = cluster.open_stream(0, "123");
    CHECK(ask(cluster.api(0), "/nothing").status == 404);
    CHECK(await_stat(cluster, 0, "api_responses_4xx", 1));
    CHECK(stat(cluster, 0, "responses_4xx") == 0);
    CHECK(cluster.web_node(0).await_log(
        "event=requests-refused node=a/1 port=api requests=1 status=404 address=127."));
    // The connection that closed there had the number of the stream here, which is still open.
    CHECK_FALSE(cluster.web_node(0).await_log("event=closed", 1, 0ms));

    cluster.broker().signal(SIGKILL);
    REQUIRE(cluster.broker().wait());
    // A message is sent before the loss is noticed, and its fate is not known. Others are refused.
    std::uint64_t sent = 0;
    REQUIRE(eventually([&] {
        CometClient client(cluster.api(0));
        CHECK(client.send(
            "POST /send/123 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"));
        CHECK(client.await_status(15s) == 503);
        ++sent;
        return stat(cluster, 0, "publish_refusals") >= 1;
    }));
    CHECK(cluster.web_node(0).await_log("event=publish-refused node=a/1 messages=1 "));
    CHECK(stat(cluster, 0, "publish_refusals") + stat(cluster, 0, "publish_lost") == sent);
    CHECK((stat(cluster, 0, "publish_lost") == 0 ||
           cluster.web_node(0).await_log("event=publish-lost node=a/1 messages=")));
    CHECK(stat(cluster, 0, "api_responses_5xx") == sent);
    CHECK(stat(cluster, 0, "responses_5xx") == 0);
    cluster.start_broker();
    REQUIRE(cluster.await_holders("123", 1));
}

TEST_CASE("the API has a bound of its own for unfinished requests, and warns before it sheds") {
    Cluster cluster({.web_nodes = 1,
                     .web_node_options = with_api(
                         {"--request-memory", "8388608", "--request-deadline-ms", "60000"})});
    constexpr std::uint64_t kWarned = 8'388'608ULL * 4 / 5;
    std::vector<CometClient> clients;
    for (std::uint64_t bytes = 0; bytes < kWarned;
         bytes = stat(cluster, 0, "api_unfinished_bytes")) {
        CHECK_FALSE(cluster.web_node(0).await_log("event=near-limit", 1, 0ms));
        clients.push_back(begin_message(cluster));
        REQUIRE(eventually(
            [&] { return stat(cluster, 0, "api_unfinished_bytes") >= bytes + 100'000; }));
    }
    CHECK(
        cluster.web_node(0).await_log("event=near-limit node=a/1 limit=api-request-memory used="));
    CHECK(stat(cluster, 0, "unfinished_bytes") == 0);
    CHECK(stat(cluster, 0, "api_requests_shed") == 0);

    while (clients.size() < 100 && !cluster.web_node(0).await_log("event=requests-shed", 1, 0ms)) {
        clients.push_back(begin_message(cluster));
    }
    CHECK(cluster.web_node(0).await_log("event=requests-shed node=a/1 port=api requests="));
    CHECK(cluster.web_node(0).await_log(" request_memory=8388608 address=127."));
    CHECK(stat(cluster, 0, "api_requests_shed") >= 1);
    CHECK(stat(cluster, 0, "requests_shed") == 0);
    CHECK(stat(cluster, 0, "api_unfinished_bytes") <= 8'388'608);
    // The public port has room.
    CHECK(stream_status(cluster, 0, "123") == 200);
}

namespace {

/// Takes so many places of the API, from one address.
std::vector<CometClient> take_places(const Cluster& cluster, std::size_t count) {
    std::vector<CometClient> clients;
    while (clients.size() < count) {
        clients.emplace_back(cluster.api(0));
        REQUIRE(clients.back().send("POST /send HTTP/1.1\r\n"));
    }
    return clients;
}

} // namespace

TEST_CASE("one address takes as many places of the API as --per-address says") {
    Cluster cluster(
        {.web_nodes = 1,
         .web_node_options = with_api({"--per-address", "2", "--request-deadline-ms", "60000"})});
    // Half of the 512 without the reserve: until then there is no bound.
    const auto clients = take_places(cluster, 224);
    REQUIRE(await_stat(cluster, 0, "api_connections", 224));
    const Told refused = ask(cluster.api(0), "/healthz");
    CHECK(refused.status == 503);
    CHECK_THAT(refused.body, Contains("too many connections come from this address"));
    CHECK(cluster.web_node(0).await_log("event=address-full port=api address=127."));
    CHECK(await_stat(cluster, 0, "address_refusals", 1));
    CHECK(ask(cluster, "/healthz").status == 200);
}

TEST_CASE("with --per-address 0 one address may fill the API, which says so with its port") {
    Cluster cluster(
        {.web_nodes = 1,
         .web_node_options = with_api({"--per-address", "0", "--request-deadline-ms", "60000"})});
    const auto clients = take_places(cluster, 448);
    CHECK(cluster.web_node(0).await_log("event=full port=api reason=streams-max streams_max=448"));
    CHECK(stat(cluster, 0, "address_refusals") == 0);
    CHECK(ask(cluster, "/healthz").status == 200);
}

TEST_CASE("a request to the API that takes too long is counted like one to the public port") {
    Cluster cluster(
        {.web_nodes = 1, .web_node_options = with_api({"--request-deadline-ms", "100"})});
    CometClient client(cluster.api(0));
    CHECK(client.send("POST /send/123 HTTP/1.1\r\n"));
    CHECK(client.await_status() == 408);
    CHECK(await_stat(cluster, 0, "deadline_closes", 1));
    CHECK(await_stat(cluster, 0, "api_responses_4xx", 1));
}

} // namespace health_test
