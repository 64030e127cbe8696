// PeerTable: finding peers by each key, and free indices.
#include "broker/table/peer_table.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace peer_table_test {

using namespace zcomet;
using namespace zcomet::broker::table;

namespace {

std::unique_ptr<Peer> a_sender(const std::string& connection, std::uint64_t incarnation) {
    auto peer = std::make_unique<Peer>();
    peer->connection = connection;
    peer->incarnation = incarnation;
    peer->name = "name";
    return peer;
}

std::unique_ptr<Peer> a_node(const std::string& connection, std::uint64_t incarnation,
                             const std::string& name) {
    auto peer = a_sender(connection, incarnation);
    peer->name = name;
    peer->part.emplace<NodePart>(1U, feed::FeedLimits{}, "topic", 10U, 2U, nullptr);
    return peer;
}

std::vector<PeerIndex> indices_of(const PeerTable& peers) {
    std::vector<PeerIndex> indices;
    peers.for_each([&](PeerIndex index, const Peer&) { indices.push_back(index); });
    return indices;
}

} // namespace

TEST_CASE("a peer is found by its connection and incarnation, a node also by its name",
          "[peer_table]") {
    PeerTable peers;
    const PeerIndex node = peers.add(a_node("n", 1, "name"));
    const PeerIndex sender = peers.add(a_sender("s", 2)); // the node's name, which does no harm
    CHECK(peers.find_connection("n") == node);
    CHECK(peers.find_connection("s") == sender);
    CHECK(peers.find_incarnation(1) == node);
    CHECK(peers.find_incarnation(2) == sender);
    CHECK(peers.find_node("name") == node);
    CHECK(peers.size() == 2);
    CHECK(peers.node_count() == 1);
    CHECK(peers.sender_count() == 1);

    peers.remove(node);
    CHECK(peers.find_connection("n") == store::kNoIndex);
    CHECK(peers.find_incarnation(1) == store::kNoIndex);
    CHECK(peers.find_node("name") == store::kNoIndex);
    CHECK_FALSE(peers.contains(node));
    CHECK(peers.contains(sender));
    CHECK(peers.node_count() == 0);
    peers.remove(sender);
    CHECK(peers.size() == 0);
}

TEST_CASE("a peer that moves is found by its new connection only", "[peer_table]") {
    PeerTable peers;
    const PeerIndex node = peers.add(a_node("before", 1, "node"));
    peers.move(node, "after");
    CHECK(peers.find_connection("before") == store::kNoIndex);
    CHECK(peers.find_connection("after") == node);
    CHECK(peers[node].connection == "after");
    peers.move(node, "after"); // its present connection
    CHECK(peers.find_connection("after") == node);
}

TEST_CASE("the index of a removed peer is used again when it is free, the lowest first",
          "[peer_table]") {
    PeerTable peers;
    for (std::uint64_t i = 0; i < 4; ++i) {
        REQUIRE(peers.add(a_sender(std::to_string(i), i + 1)) == i);
    }
    peers.remove(2);
    peers.remove(0);
    peers.remove(1);
    CHECK(peers.add(a_sender("x", 10)) == 4); // none of them is free yet
    peers.free(2);
    peers.free(0);
    CHECK(peers.add(a_sender("y", 11)) == 0);
    CHECK(peers.add(a_sender("z", 12)) == 2);
    peers.free(1);
    CHECK(peers.add(a_sender("w", 13)) == 1);
    CHECK(indices_of(peers) == std::vector<PeerIndex>{0, 1, 2, 3, 4});
    CHECK(peers.index_bound() == 5);
}

} // namespace peer_table_test
