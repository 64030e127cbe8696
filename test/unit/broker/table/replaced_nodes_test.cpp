// ReplacedNodes: which nodes are told, for how long, and to which node a connection belonged.
#include "broker/table/replaced_nodes.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace replaced_nodes_test {

using zcomet::broker::table::ReplacedNodes;

TEST_CASE("a replaced node is known by its incarnation and its connection", "[replaced_nodes]") {
    ReplacedNodes nodes;
    nodes.add(1, "a");
    CHECK(nodes.has_incarnation(1));
    CHECK(nodes.has_connection("a"));
    CHECK_FALSE(nodes.has_incarnation(2));
    CHECK_FALSE(nodes.has_connection("b"));
    nodes.add(1, "b"); // replaced again, on another connection
    CHECK(nodes.has_connection("b"));
    CHECK_FALSE(nodes.has_connection("a"));
    nodes.forget(1);
    CHECK_FALSE(nodes.has_incarnation(1));
    CHECK_FALSE(nodes.has_connection("b"));
    nodes.forget(1); // nothing to forget
}

TEST_CASE("a connection that spoke for several nodes belongs to the last one", "[replaced_nodes]") {
    ReplacedNodes nodes;
    nodes.add(1, "a");
    nodes.add(2, "a");
    nodes.forget(1);
    CHECK(nodes.has_connection("a"));
    nodes.forget(2);
    CHECK_FALSE(nodes.has_connection("a"));
}

TEST_CASE("the oldest of very many replaced nodes is forgotten", "[replaced_nodes]") {
    ReplacedNodes nodes;
    for (std::uint64_t i = 1; i <= ReplacedNodes::kRemembered + 1; ++i) {
        nodes.add(i, std::to_string(i));
    }
    CHECK_FALSE(nodes.has_incarnation(1));
    CHECK_FALSE(nodes.has_connection("1"));
    CHECK(nodes.has_incarnation(2));
    CHECK(nodes.has_connection(std::to_string(ReplacedNodes::kRemembered + 1)));
}

} // namespace replaced_nodes_test
