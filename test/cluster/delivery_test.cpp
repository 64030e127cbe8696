// What arrives where: every stream of an id gets a message, on every node, in order; no other does.
#include "test/support/cluster.hpp"
#include "test/support/stats.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace delivery_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

/// A stream of id "123" that has little room for what its client does not read.
CometClient open_slow_stream(Cluster& cluster) {
    constexpr int kReceiveBytes = 4096;
    CometClient stream(cluster.http(0), kReceiveBytes);
    stream.request("GET", "/test/123");
    REQUIRE(stream.await_status() == 200);
    REQUIRE(cluster.await_holders("123", 1));
    return stream;
}

} // namespace

TEST_CASE("a message reaches every stream of its id on both nodes, and no other stream") {
    Cluster cluster;
    CometClient here = cluster.open_stream(0, "123");
    CometClient there = cluster.open_stream(1, "123");
    CometClient second = open_stream(cluster.http(1), "123");
    CometClient other = cluster.open_stream(0, "456");
    CHECK(cluster.send("123", "Why not open another browser window too?") == 2);
    CHECK(cluster.send("456", "only here") == 1);
    const std::string expected = comet_chunk(1, "Why not open another browser window too?");
    for (CometClient* stream : {&here, &there, &second}) {
        REQUIRE(stream->await_chunks(1).size() == 1);
        CHECK(stream->chunks()[0] == expected);
    }
    REQUIRE(other.await_chunks(1).size() == 1);
    CHECK(other.chunks()[0] == comet_chunk(1, "only here"));
    CHECK(here.poll_now());
    CHECK(here.chunks().size() == 1);
}

TEST_CASE("a message to an id that nobody holds goes into the void, and is not kept") {
    Cluster cluster({.web_nodes = 1});
    CHECK(cluster.send("456", "lost") == 0);
    CometClient stream = cluster.open_stream(0, "456");
    CHECK(cluster.send("456", "found") == 1);
    REQUIRE(stream.await_chunks(1).size() == 1);
    CHECK(stream.chunks()[0] == comet_chunk(1, "found"));
}

TEST_CASE("messages of one sender to one id arrive in the order sent, on every stream, once") {
    Cluster cluster;
    CometClient here = cluster.open_stream(0, "123");
    CometClient there = cluster.open_stream(1, "123");
    constexpr std::size_t kMessages = 5000;
    const auto client = cluster.connect();
    for (std::size_t k = 1; k <= kMessages; ++k) {
        REQUIRE(client->send("123", std::to_string(k)).ok());
    }
    REQUIRE(client->flush().ok());
    for (CometClient* stream : {&here, &there}) {
        const auto& chunks = stream->await_chunks(kMessages);
        REQUIRE(chunks.size() == kMessages);
        std::size_t wrong = 0;
        for (std::size_t k = 1; k <= kMessages; ++k) {
            wrong += chunks[k - 1] == comet_chunk(k, std::to_string(k)) ? 0U : 1U;
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("each stream counts its own messages") {
    Cluster cluster;
    CometClient early = cluster.open_stream(0, "123");
    cluster.send("123", "first");
    REQUIRE(early.await_chunks(1).size() == 1);
    CometClient late = cluster.open_stream(1, "123");
    cluster.send("123", "second");
    REQUIRE(early.await_chunks(2).size() == 2);
    CHECK(early.chunks()[1] == comet_chunk(2, "second"));
    REQUIRE(late.await_chunks(1).size() == 1);
    CHECK(late.chunks()[0] == comet_chunk(1, "second"));
}

TEST_CASE("an id is logged out when its last stream closes, not before") {
    Cluster cluster({.web_nodes = 1});
    std::optional<CometClient> first = cluster.open_stream(0, "123");
    std::optional<CometClient> second = open_stream(cluster.http(0), "123");
    first.reset();
    REQUIRE(await_stat(cluster, 0, "peer_closes", 1));
    CHECK(cluster.send("123", "for the second") == 1);
    CHECK(second->await_chunks(1).size() == 1);
    second.reset();
    CHECK(cluster.await_holders("123", 0));
    CometClient third = cluster.open_stream(0, "123");
    CHECK(cluster.send("123", "for the third") == 1);
    CHECK(third.await_chunks(1).size() == 1);
}

TEST_CASE("a stream that does not read is closed and counted, and no other stream notices") {
    Cluster cluster(
        {.web_nodes = 1, .web_node_options = {"--slow-after", "60", "--stream-burst", "2000000"}});
    CometClient slow = open_slow_stream(cluster);
    CometClient quick = open_stream(cluster.http(0), "123");
    CometClient other = cluster.open_stream(0, "456");
    // In the end more than the buffers of the kernel and of the stream together; each burst is
    // less, for the stream that reads after it.
    const std::string text(60'000, 'x');
    std::size_t sent = 0;
    while (stat(cluster, 0, "slow_closes") == 0 && sent < 1000) {
        for (int burst = 0; burst < 10; ++burst) {
            REQUIRE(cluster.send("123", text) == 1);
            ++sent;
        }
        REQUIRE(quick.await_chunks(sent).size() == sent);
    }
    CHECK(stat(cluster, 0, "slow_closes") == 1);
    CHECK(stat(cluster, 0, "streams") == 2);
    CHECK(stat(cluster, 0, "pending_bytes") == 0);
    CHECK(cluster.send("456", "unharmed") == 1);
    CHECK(other.await_chunks(1).size() == 1);
    CHECK(slow.await_close());
    CHECK(cluster.web_node(0).await_log("policy=close streams=1 chunks_dropped="));
    CHECK(cluster.web_node(0).await_log(" id=123 address=127."));
}

TEST_CASE("at the level debug, each connection that closes has a line with the reason") {
    Cluster cluster({.web_nodes = 1, .web_node_options = {"--log-level", "debug"}});
    {
        CometClient stream = cluster.open_stream(0, "123");
        REQUIRE(cluster.send("123", "hello") == 1);
        REQUIRE(stream.await_chunks(1).size() == 1);
    }
    CHECK(cluster.web_node(0).await_log(
        "event=closed node=a/1 reason=peer messages=1 id=123 address=127."));
    CometClient page(cluster.http(0));
    page.send("GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(page.await_close());
    CHECK(cluster.web_node(0).await_log(
        "event=closed node=a/1 reason=done messages=0 id=- address=127."));
    CHECK(await_stat(cluster, 0, "done_closes", 1));
    CHECK(stat(cluster, 0, "no_room_closes") == 0);
}

TEST_CASE("a stream whose browser pauses in a burst of large messages gets them all") {
    Cluster cluster({.web_nodes = 1, .web_node_options = {"--slow-after", "60"}});
    CometClient pauses = open_slow_stream(cluster);
    const std::string text(65'000, 'x');
    constexpr std::size_t kMessages = 200;
    for (std::size_t i = 0; i < kMessages; ++i) {
        REQUIRE(cluster.send("123", text) == 1);
    }
    REQUIRE(await_stat(cluster, 0, "chunks_given", kMessages));
    CHECK(stat(cluster, 0, "pending_bytes") > 10'000'000);
    CHECK(pauses.await_chunks(kMessages).size() == kMessages);
    CHECK(pauses.chunks().back() == comet_chunk(kMessages, text));
    CHECK(await_stat(cluster, 0, "chunks_written", kMessages));
    CHECK(stat(cluster, 0, "slow_closes") == 0);
    CHECK(stat(cluster, 0, "pending_bytes") == 0);
}

TEST_CASE("a stream that has not read for its time is closed although nothing more is sent") {
    Cluster cluster({.web_nodes = 1, .web_node_options = {"--slow-after", "1"}});
    CometClient slow = open_slow_stream(cluster);
    while (stat(cluster, 0, "pending_bytes") < 100'000) {
        REQUIRE(cluster.send("123", std::string(60'000, 'x')) == 1);
    }
    CHECK(await_stat(cluster, 0, "slow_closes", 1));
    CHECK(await_stat(cluster, 0, "streams", 0));
}

TEST_CASE("a stream that does not read may lose messages instead, and can see which") {
    Cluster cluster({.web_nodes = 1, .web_node_options = {"--slow-streams", "drop-oldest"}});
    CometClient slow = open_slow_stream(cluster);
    const std::string text(60'000, 'x');
    std::size_t sent = 0;
    while (stat(cluster, 0, "chunks_dropped") == 0 && sent < 1000) {
        for (int burst = 0; burst < 10; ++burst) {
            REQUIRE(cluster.send("123", text) == 1);
            ++sent;
        }
    }
    CHECK(cluster.web_node(0).await_log("event=slow"));
    CHECK(cluster.send("123", "the last") == 1);
    ++sent;
    REQUIRE(await_stat(cluster, 0, "chunks_given", sent));
    const std::uint64_t dropped = stat(cluster, 0, "chunks_dropped");
    CHECK(slow.await_chunks(sent - dropped).size() == sent - dropped);
    CHECK(slow.chunks().back() == comet_chunk(sent, "the last"));
    CHECK(await_stat(cluster, 0, "chunks_written", sent - dropped));
    CHECK(stat(cluster, 0, "chunks_pending") == 0);
    CHECK(stat(cluster, 0, "streams_slow") == 1);
    CHECK(stat(cluster, 0, "slow_closes") == 0);
    CHECK(stat(cluster, 0, "streams") == 1);
}

TEST_CASE("messages that a killed worker still held for its streams count as dropped") {
    Cluster cluster({.web_nodes = 1});
    CometClient slow = open_slow_stream(cluster);
    const std::string text(60'000, 'x');
    std::size_t sent = 0;
    while (stat(cluster, 0, "chunks_pending") == 0 && sent < 1000) {
        REQUIRE(cluster.send("123", text) == 1);
        REQUIRE(await_stat(cluster, 0, "chunks_given", ++sent));
    }
    REQUIRE(::kill(worker_pid(cluster, 0, 1), SIGKILL) == 0);
    CHECK(await_stat(cluster, 0, "chunks_pending", 0));
    CHECK(stat(cluster, 0, "chunks_written") + stat(cluster, 0, "chunks_dropped") == sent);
    CHECK(stat(cluster, 0, "chunks_dropped") > 0);
}

TEST_CASE("the workers of a web node share its port, and each is a node of its own") {
    Cluster cluster({.web_nodes = 1, .workers = 3});
    std::set<std::string> names;
    for (const auto& node : cluster.query("nodes")) {
        names.insert(node.at("name").get<std::string>());
    }
    CHECK(names == std::set<std::string>{"a/1", "a/2", "a/3"});
    std::vector<CometClient> streams;
    streams.reserve(30);
    for (int i = 0; i < 30; ++i) {
        streams.push_back(open_stream(cluster.http(0), "everyone"));
    }
    REQUIRE(await_stat(cluster, 0, "streams", 30));
    REQUIRE(cluster.await_holders("everyone", 3));
    CHECK(cluster.send("everyone", "hello") == 3);
    for (CometClient& stream : streams) {
        CHECK(stream.await_chunks(1).size() == 1);
    }
}

} // namespace delivery_test
