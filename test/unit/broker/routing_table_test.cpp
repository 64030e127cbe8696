// RoutingTable: both directions, lists in parts, and random operations against a model of sets.
#include "broker/routing_table.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using zcomet::NodeIndex;
using zcomet::RoutingTable;

namespace {

std::set<NodeIndex> nodes_of(const RoutingTable& table, const std::string& id) {
    std::set<NodeIndex> nodes;
    const std::uint32_t count =
        table.for_each_node(id, [&](NodeIndex node) { nodes.insert(node); });
    REQUIRE(count == nodes.size());
    return nodes;
}

std::set<std::string> ids_of(const RoutingTable& table, NodeIndex node) {
    std::set<std::string> ids;
    table.for_each_id(node, [&](std::string_view id) { ids.emplace(id); });
    REQUIRE(table.id_count(node) == ids.size());
    return ids;
}

using IdSet = std::set<std::string>;
using NodeSet = std::set<NodeIndex>;

/// What the table should be, in the plainest form.
struct Model {
    std::map<NodeIndex, IdSet> ids;
    void check(const RoutingTable& table) const {
        std::map<std::string, NodeSet> nodes;
        for (const auto& [node, held] : ids) {
            REQUIRE(ids_of(table, node) == held);
            for (const std::string& id : held) {
                nodes[id].insert(node);
            }
        }
        REQUIRE(table.id_count() == nodes.size());
        for (const auto& [id, holders] : nodes) {
            REQUIRE(nodes_of(table, id) == holders);
        }
    }
};

} // namespace

TEST_CASE("routing table: many nodes for an id, many ids for a node", "[routing_table]") {
    RoutingTable table;
    REQUIRE(table.login(0, "a"));
    REQUIRE(table.login(1, "a"));
    REQUIRE(table.login(0, "b"));
    REQUIRE_FALSE(table.login(0, "a"));
    REQUIRE(nodes_of(table, "a") == NodeSet{0, 1});
    REQUIRE(ids_of(table, 0) == IdSet{"a", "b"});
    REQUIRE(table.id_count() == 2);

    REQUIRE(table.logout(0, "a"));
    REQUIRE_FALSE(table.logout(0, "a"));
    REQUIRE_FALSE(table.logout(1, "b"));
    REQUIRE_FALSE(table.logout(1, "nobody"));
    REQUIRE(nodes_of(table, "a") == NodeSet{1});
    REQUIRE(table.logout(1, "a"));
    REQUIRE(nodes_of(table, "a").empty());
    REQUIRE(table.id_count() == 1);
}

TEST_CASE("routing table: nodes it never heard of hold nothing", "[routing_table]") {
    RoutingTable table;
    REQUIRE(table.id_count(5) == 0);
    REQUIRE(ids_of(table, 5).empty());
    REQUIRE_FALSE(table.logout(5, "a"));
    table.remove_node(5);
    REQUIRE(nodes_of(table, "a").empty());
}

TEST_CASE("routing table: a removed node holds nothing, others keep theirs", "[routing_table]") {
    RoutingTable table;
    for (const char* id : {"a", "b", "c"}) {
        REQUIRE(table.login(1, id));
        REQUIRE(table.login(2, id));
    }
    REQUIRE(table.login(1, "only"));
    table.remove_node(1);
    REQUIRE(ids_of(table, 1).empty());
    REQUIRE(nodes_of(table, "b") == NodeSet{2});
    REQUIRE(nodes_of(table, "only").empty());
    REQUIRE(table.id_count() == 3);
}

TEST_CASE("routing table: a list in parts replaces what a node holds", "[routing_table]") {
    RoutingTable table;
    for (const char* id : {"a", "b", "c"}) {
        REQUIRE(table.login(1, id));
    }
    table.begin_list(1);
    table.list(1, "b");
    REQUIRE(nodes_of(table, "a") == NodeSet{1}); // until the list has ended
    table.list(1, "d");
    table.end_list(1);
    REQUIRE(ids_of(table, 1) == IdSet{"b", "d"});

    SECTION("a later list works the same") {
        table.begin_list(1);
        table.list(1, "d");
        table.end_list(1);
        REQUIRE(ids_of(table, 1) == IdSet{"d"});
    }
    SECTION("an empty list logs all out") {
        table.begin_list(1);
        table.end_list(1);
        REQUIRE(ids_of(table, 1).empty());
    }
    SECTION("a list that begins anew forgets what the broken one named") {
        table.begin_list(1);
        table.list(1, "e");
        table.list(1, "b");
        table.begin_list(1);
        table.list(1, "d");
        table.end_list(1);
        REQUIRE(ids_of(table, 1) == IdSet{"d"});
    }
    SECTION("another node's list does not matter") {
        table.begin_list(2);
        table.list(2, "b");
        table.end_list(2);
        REQUIRE(ids_of(table, 1) == IdSet{"b", "d"});
        REQUIRE(nodes_of(table, "b") == NodeSet{1, 2});
    }
    SECTION("a node that is removed in the middle of a list begins afresh") {
        table.begin_list(1);
        table.list(1, "b");
        table.remove_node(1);
        REQUIRE(table.login(1, "x"));
        table.begin_list(1);
        table.end_list(1);
        REQUIRE(ids_of(table, 1).empty());
    }
}

TEST_CASE("routing table: agrees with a model under random operations", "[routing_table]") {
    const auto seed = GENERATE(take(5, random(1U, 1'000'000U)));
    CAPTURE(seed);
    std::mt19937 random(seed);
    RoutingTable table;
    Model model;
    const auto some_id = [&] { return "id" + std::to_string(random() % 40); };
    for (int step = 0; step < 4000; ++step) {
        const auto node = static_cast<NodeIndex>(random() % 6);
        IdSet& held = model.ids[node];
        const std::string id = some_id();
        const auto choice = random() % 100;
        if (choice < 50) {
            REQUIRE(table.login(node, id) == held.insert(id).second);
        } else if (choice < 90) {
            REQUIRE(table.logout(node, id) == (held.erase(id) == 1));
        } else if (choice < 93) {
            table.remove_node(node);
            held.clear();
        } else {
            if (choice < 95) { // a list that is broken off: what it named stays until the next
                table.begin_list(node);
                table.list(node, id);
            }
            table.begin_list(node);
            held.clear();
            for (auto i = random() % 20; i > 0; --i) {
                const std::string listed = some_id();
                table.list(node, listed);
                held.insert(listed);
            }
            table.end_list(node);
        }
        if (step % 100 == 0) {
            model.check(table);
        }
    }
    model.check(table);
}

TEST_CASE("routing table: an id on one node costs at most 80 bytes", "[routing_table]") {
    constexpr std::uint32_t kIds = 500'000;
    constexpr NodeIndex kNodes = 100;
    RoutingTable table;
    for (std::uint32_t i = 0; i < kIds; ++i) {
        REQUIRE(table.login(i % kNodes, "user:" + std::to_string(i)));
    }
    INFO("bytes for each id: " << table.memory_bytes() / kIds);
    REQUIRE(table.memory_bytes() <= std::size_t{kIds} * 80);
    for (NodeIndex node = 0; node < kNodes; ++node) {
        table.remove_node(node);
    }
    REQUIRE(table.id_count() == 0);
}
