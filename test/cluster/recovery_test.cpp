// Processes that are killed, stopped or ended in a running cluster: what arrives before and after,
// and how soon the cluster is complete again (docs/PROTOCOL.md, section 6).
#include "test/support/cluster.hpp"
#include "test/support/sanitized.hpp"
#include "test/support/stats.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string_view>

namespace recovery_test {

using namespace zcomet;
using namespace zcomet::test;

// ZCOMET_SANITIZE is Meson's b_sanitize. Not every compiler says in the same way that it sanitizes.
static_assert(kSanitized ==
                  (std::string_view(ZCOMET_SANITIZE).find("address") != std::string::npos ||
                   std::string_view(ZCOMET_SANITIZE).find("thread") != std::string::npos),
              "a build with sanitizers must know that it is one, or its patience is too short");

namespace {

/// The promise is 5 seconds; sanitized programs on a busy machine get twice as long.
constexpr Duration kWholeAgain = kSanitized ? 10s : 5s;
/// Liveness is 3 seconds from the last sign of life; the rest is until the broker looks, and we do.
constexpr Duration kLoggedOut = kSanitized ? 6000ms : 3500ms;

Cluster one_web_node(unsigned workers = 1) {
    return Cluster({.web_nodes = 1, .workers = workers});
}

/// Sends texts until one is received by `stream`, within `timeout`. @return whether one was.
bool receives_within(Cluster& cluster, const std::string& id, CometClient& stream,
                     Duration timeout) {
    const std::size_t before = stream.chunks().size();
    const auto client = client::Client::connect(
        {.broker = cluster.broker_endpoint(), .name = "", .timeout = timeout});
    if (!client.ok()) {
        return false;
    }
    return eventually(
        [&] {
            static_cast<void>(client.value()->send_with_receipt(id, "are you there?"));
            return stream.await_chunks(before + 1, 100ms).size() > before;
        },
        timeout);
}

/// Opens streams for the ids "s0", "s1", …, and says which node holds each.
struct Spread {
    std::map<std::string, CometClient> streams;
    std::map<std::string, std::string> node_of;
};

Spread spread_streams(Cluster& cluster, int count) {
    Spread spread;
    for (int i = 0; i < count; ++i) {
        const std::string id = "s" + std::to_string(i);
        spread.streams.emplace(id, cluster.open_stream(0, id));
        spread.node_of[id] = cluster.query("who", id).at("nodes").at(0).get<std::string>();
    }
    return spread;
}

std::set<std::string> nodes_in(const Spread& spread) {
    std::set<std::string> nodes;
    for (const auto& [id, node] : spread.node_of) {
        nodes.insert(node);
    }
    return nodes;
}

} // namespace

TEST_CASE("a killed worker is started again, and the other worker's streams notice nothing") {
    Cluster cluster = one_web_node(2);
    Spread spread = spread_streams(cluster, 16);
    REQUIRE(nodes_in(spread).size() == 2); // once in 32,768 runs the kernel chooses one for all

    const auto victim = worker_pid(cluster, 0, 1);
    REQUIRE(::kill(victim, SIGKILL) == 0);
    const Time killed = Clock::now();
    for (auto& [id, stream] : spread.streams) {
        INFO(id);
        if (spread.node_of[id] == "a/1") {
            CHECK(stream.await_close());
        } else {
            CHECK(cluster.send(id, "still here") == 1);
            CHECK(stream.await_chunks(1).size() == 1);
        }
    }
    REQUIRE(eventually([&] { return live_workers(cluster, 0) == 2; }, kWholeAgain));
    CHECK(Clock::now() - killed < kWholeAgain);
    CHECK(worker_pid(cluster, 0, 1) != victim);

    CometClient next = open_stream(cluster.http(0), "new");
    CHECK(receives_within(cluster, "new", next, kWholeAgain));
    // The dead worker's ids are logged out, at the latest when its name says HELLO anew.
    for (const auto& [id, node] : spread.node_of) {
        CHECK(cluster.await_holders(id, node == "a/1" ? 0 : 1));
    }
}

TEST_CASE("a killed web node is logged out, and when it is started again the cluster is whole") {
    Cluster cluster;
    CometClient lost = cluster.open_stream(0, "123");
    CometClient stays = cluster.open_stream(1, "123");
    CHECK(cluster.send("123", "before") == 2);
    REQUIRE(lost.await_chunks(1).size() == 1);
    REQUIRE(stays.await_chunks(1).size() == 1);

    cluster.web_node(0).kill_all();
    CHECK(lost.await_close());
    CHECK(cluster.await_holders("123", 1, kLoggedOut));
    CHECK(cluster.send("123", "while it is gone") == 1);
    REQUIRE(stays.await_chunks(2).size() == 2);

    cluster.start_web_node(0);
    CometClient again = cluster.open_stream(0, "123");
    CHECK(cluster.send("123", "after") == 2);
    REQUIRE(again.await_chunks(1).size() == 1);
    CHECK(again.chunks()[0] == comet_chunk(1, "after"));
    REQUIRE(stays.await_chunks(3).size() == 3);
    CHECK(stays.chunks()[2] == comet_chunk(3, "after"));
}

TEST_CASE("a web node that is killed and started at once is not mistaken for the old one") {
    Cluster cluster = one_web_node();
    CometClient lost = cluster.open_stream(0, "123");
    cluster.web_node(0).kill_all();
    REQUIRE(lost.await_close());
    const Time begin = Clock::now();
    cluster.start_web_node(0);
    CHECK(Clock::now() - begin < kWholeAgain);
    // Its old ids go with the old incarnation, not after three seconds.
    CHECK(cluster.await_holders("123", 0));
    CometClient again = cluster.open_stream(0, "456");
    CHECK(cluster.send("456", "new") == 1);
    CHECK(again.await_chunks(1).size() == 1);
}

TEST_CASE("streams stay open while the broker is killed and started again, and receive again") {
    Cluster cluster({.tells_gaps = true});
    CometClient here = cluster.open_stream(0, "123");
    CometClient there = cluster.open_stream(1, "123");
    CometClient other = cluster.open_stream(1, "456");
    CHECK(cluster.send("123", "before") == 2);
    REQUIRE(here.await_chunks(1).size() == 1);
    REQUIRE(there.await_chunks(1).size() == 1);

    cluster.broker().signal(SIGKILL);
    REQUIRE(cluster.broker().wait());
    CHECK(here.poll_now());
    CHECK(there.poll_now());

    cluster.start_broker();
    CHECK(cluster.await_holders("123", 2, kWholeAgain));
    CHECK(cluster.await_holders("456", 1, kWholeAgain));
    CHECK(receives_within(cluster, "456", other, kWholeAgain));
    const auto client = cluster.connect();
    CHECK(client->send_with_receipt("123", "after").value().nodes == 2);
    // Each is told once, at a time of its own, that messages may have been lost meanwhile.
    const std::string gap = "<em>Some messages were missed.</em><br/>\n";
    const std::set<std::string> told{gap, comet_chunk(2, "after")};
    for (CometClient* stream : {&here, &there}) {
        REQUIRE(stream->await_chunks(3).size() == 3);
        CHECK(std::set(stream->chunks().begin() + 1, stream->chunks().end()) == told);
    }
}

TEST_CASE("logins and logouts made while there is no broker are known to the next one") {
    Cluster cluster = one_web_node();
    std::optional<CometClient> closing = cluster.open_stream(0, "closing");
    CometClient staying = cluster.open_stream(0, "staying");
    cluster.broker().signal(SIGKILL);
    REQUIRE(cluster.broker().wait());
    closing.reset();
    CometClient opening = open_stream(cluster.http(0), "opening");
    cluster.start_broker();
    CHECK(cluster.await_holders("staying", 1, kWholeAgain));
    CHECK(cluster.await_holders("opening", 1));
    CHECK(cluster.await_holders("closing", 0));
    CHECK(receives_within(cluster, "opening", opening, kWholeAgain));
    CHECK(receives_within(cluster, "staying", staying, kWholeAgain));
}

TEST_CASE("a broker that ended in order and starts again is found as soon as a killed one") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "123");
    cluster.broker().signal(SIGTERM);
    CHECK(cluster.broker().wait() == 0);
    CHECK(stream.poll_now());
    cluster.start_broker();
    CHECK(cluster.await_holders("123", 1, kWholeAgain));
    CHECK(receives_within(cluster, "123", stream, kWholeAgain));
}

TEST_CASE("a web node that was stopped for longer than its lease comes back by itself") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "123");
    const pid_t worker = worker_pid(cluster, 0, 1);
    REQUIRE(::kill(worker, SIGSTOP) == 0);
    CHECK(cluster.await_holders("123", 0, kLoggedOut));
    CHECK(cluster.send("123", "while it is gone") == 0);
    REQUIRE(::kill(worker, SIGCONT) == 0);
    CHECK(cluster.await_holders("123", 1, kWholeAgain));
    CHECK(stream.poll_now());
    CHECK(receives_within(cluster, "123", stream, kWholeAgain));
}

TEST_CASE("a worker that hangs is killed and started again, and the other one is left alone") {
    Cluster cluster({.web_nodes = 1, .workers = 2, .web_node_options = {"--hang-after", "2"}});
    const pid_t hanging = worker_pid(cluster, 0, 1);
    const pid_t other = worker_pid(cluster, 0, 2);
    REQUIRE(::kill(hanging, SIGSTOP) == 0);
    REQUIRE(cluster.web_node(0).await_log("event=hung worker=1 pid=" + std::to_string(hanging)));
    REQUIRE(cluster.web_node(0).await_log("event=worker-died worker=1 how=\"signal 9 (Killed)\""));
    REQUIRE(eventually([&] { return live_workers(cluster, 0) == 2; }));
    CHECK(worker_pid(cluster, 0, 1) != hanging);
    CHECK(worker_pid(cluster, 0, 2) == other);
    CHECK(read_stats(cluster.admin(0)).at("workers").at(0).at("restarts") == 1);
    CometClient stream = cluster.open_stream(0, "123");
    CHECK(cluster.send("123", "after") == 1);
    CHECK(stream.await_chunks(1).size() == 1);
}

TEST_CASE("a web node that was stopped for a moment loses nothing") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "123");
    const pid_t worker = worker_pid(cluster, 0, 1);
    REQUIRE(::kill(worker, SIGSTOP) == 0);
    constexpr std::size_t kMessages = 100;
    for (std::size_t k = 1; k <= kMessages; ++k) {
        CHECK(cluster.send("123", std::to_string(k)) == 1);
    }
    REQUIRE(::kill(worker, SIGCONT) == 0);
    const auto& chunks = stream.await_chunks(kMessages);
    REQUIRE(chunks.size() == kMessages);
    for (std::size_t k = 1; k <= kMessages; ++k) {
        CHECK(chunks[k - 1] == comet_chunk(k, std::to_string(k)));
    }
}

TEST_CASE("a web node that ends in order is logged out at once, and its streams end properly") {
    Cluster cluster;
    CometClient ending = cluster.open_stream(0, "123");
    CometClient staying = cluster.open_stream(1, "123");
    CHECK(cluster.send("123", "before") == 2);
    CHECK(ending.await_chunks(1).size() == 1);
    cluster.web_node(0).signal(SIGTERM);
    CHECK(ending.await_close());
    CHECK(ending.ended());
    CHECK(cluster.await_holders("123", 1, 2s));
    CHECK(cluster.web_node(0).wait() == 0);
    CHECK(cluster.send("123", "after") == 1);
    CHECK(staying.await_chunks(2).size() == 2);
}

TEST_CASE("a worker that ends answers connections that wait to be accepted") {
    Cluster cluster = one_web_node();
    const pid_t worker = worker_pid(cluster, 0, 1);
    REQUIRE(::kill(worker, SIGSTOP) == 0);
    // The kernel completes the handshakes, and keeps the requests.
    constexpr int kWaiting = 200; // more than a worker accepts in a turn
    std::vector<CometClient> streams;
    for (int i = 0; i < kWaiting; ++i) {
        streams.emplace_back(cluster.http(0));
        CHECK(streams.back().send("GET /test/s" + std::to_string(i) +
                                  " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    }
    REQUIRE(::kill(worker, SIGTERM) == 0);
    REQUIRE(::kill(worker, SIGCONT) == 0);
    int whole = 0;
    for (CometClient& stream : streams) {
        whole += stream.await_status() == 200 && stream.await_close() && stream.ended() ? 1 : 0;
    }
    CHECK(whole == kWaiting);
}

TEST_CASE("when a web node's supervisor is killed, its workers end in order") {
    Cluster cluster({.web_nodes = 1, .workers = 2, .drains = true});
    CometClient stream = cluster.open_stream(0, "123");
    cluster.web_node(0).signal(SIGKILL);
    const Time killed = Clock::now();
    REQUIRE(cluster.web_node(0).wait());
    CHECK(stream.await_close());
    CHECK(stream.ended());
    CHECK(Clock::now() < killed + 4s); // without a drain
    CHECK(cluster.await_holders("123", 0, 2s));
    // No listener is left on the port: the next web node gets all connections.
    CHECK(eventually([&] {
        try {
            const CometClient refused(cluster.http(0));
            return false;
        } catch (const std::system_error&) {
            return true;
        }
    }));
}

} // namespace recovery_test
