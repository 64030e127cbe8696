// RoutingTable: both directions, lists in parts, and random operations against a model of sets.
#include "broker/table/routing_table.hpp"
#include "topology/wire/id_digest.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace routing_table_test {

using zcomet::broker::table::NodeIndex;
using zcomet::broker::table::RoutingTable;

namespace {

std::set<NodeIndex> nodes_of(const RoutingTable& table, const std::string& id) {
    std::set<NodeIndex> nodes;
    const std::uint32_t count =
        table.for_each_node(id, [&](NodeIndex node) { nodes.insert(node); });
    REQUIRE(count == nodes.size());
    return nodes;
}

using IdSet = std::set<std::string>;
using NodeSet = std::set<NodeIndex>;

std::uint64_t digest_of(const IdSet& ids) {
    std::uint64_t digest = 0;
    for (const std::string& id : ids) {
        digest += zcomet::wire::id_digest(id);
    }
    return digest;
}

/// Whether these are all the ids of `node`.
bool holds_exactly(const RoutingTable& table, NodeIndex node, const IdSet& ids) {
    return table.id_count(node) == ids.size() && table.digest(node) == digest_of(ids) &&
           std::all_of(ids.begin(), ids.end(), [&](const std::string& id) {
               return table.holds(node, id) && nodes_of(table, id).contains(node);
           });
}

/// Reclaims everything. @return the indices that this made free.
NodeSet reclaim_all(RoutingTable& table) {
    NodeSet free;
    // Once for the links. What is left is empty memory, a slice each time.
    for (int slices = 0; table.has_to_reclaim(); ++slices) {
        REQUIRE(slices < 10'000);
        table.reclaim(UINT32_MAX, [&](NodeIndex node) { free.insert(node); });
    }
    return free;
}

/// What the table should be, in the plainest form.
struct Model {
    std::map<NodeIndex, IdSet> ids;
    void check(const RoutingTable& table) const {
        std::map<std::string, NodeSet> nodes;
        std::uint64_t held_count = 0;
        for (const auto& [node, held] : ids) {
            held_count += held.size();
            REQUIRE(holds_exactly(table, node, held));
            for (const std::string& id : held) {
                nodes[id].insert(node);
            }
        }
        REQUIRE(table.held_count() == held_count);
        REQUIRE(table.id_count() >= nodes.size());
        REQUIRE((table.has_to_reclaim() || table.id_count() == nodes.size()));
        for (const auto& [id, holders] : nodes) {
            REQUIRE(nodes_of(table, id) == holders);
        }
    }
};

/// Random operations on a few nodes and ids, on a table and a model at once. Removed nodes come
/// back with the lowest free index, as in the broker.
class RandomOperations {
  public:
    explicit RandomOperations(unsigned seed) : random_(seed) {
        for (NodeIndex& node : nodes_) {
            node = join();
        }
    }

    void step() {
        NodeIndex& node = nodes_[below(nodes_.size())];
        const unsigned choice = below(100);
        if (choice < 40) {
            login(node);
        } else if (choice < 65) {
            logout(node);
        } else if (choice < 70) {
            remove(node);
            node = join();
        } else if (choice < 85) {
            list_step(node);
        } else {
            table_.reclaim(below(12), [this](NodeIndex free) { free_again(free); });
        }
    }
    void check() const { model_.check(table_); }
    void reclaim_all() {
        table_.reclaim(UINT32_MAX, [this](NodeIndex free) { free_again(free); });
        REQUIRE(taken_.empty());
    }

  private:
    void login(NodeIndex node) {
        const std::string id = some_id();
        REQUIRE(table_.login(node, id) == model_.ids[node].insert(id).second);
        if (const auto list = lists_.find(node); list != lists_.end()) {
            list->second.insert(id);
        }
    }
    void logout(NodeIndex node) {
        const std::string id = some_id();
        REQUIRE(table_.logout(node, id) == (model_.ids[node].erase(id) == 1));
        if (const auto list = lists_.find(node); list != lists_.end()) {
            list->second.erase(id);
        }
    }
    void remove(NodeIndex node) {
        lists_.erase(node);
        model_.ids.erase(node);
        taken_.insert(node);
        if (table_.remove_node(node)) {
            free_again(node);
        }
        REQUIRE(holds_exactly(table_, node, {}));
    }
    /// A list begins, maybe in the middle of another, or the one under way ends.
    void list_step(NodeIndex node) {
        const auto list = lists_.find(node);
        if (list == lists_.end() || below(4) == 0) {
            table_.begin_list(node);
            lists_[node].clear();
            if (below(2) == 0) { // all or most of its ids stay
                for (const std::string& id : IdSet(model_.ids[node])) {
                    if (below(20) > 0) {
                        table_.login(node, id);
                        lists_[node].insert(id);
                    }
                }
            }
            return;
        }
        table_.end_list(node);
        model_.ids[node] = list->second;
        lists_.erase(list);
    }

    NodeIndex join() {
        NodeIndex node = 0;
        while (model_.ids.count(node) > 0 || taken_.count(node) > 0) {
            ++node;
        }
        model_.ids[node] = {};
        return node;
    }
    void free_again(NodeIndex node) { REQUIRE(taken_.erase(node) == 1); }
    unsigned below(std::size_t bound) { return static_cast<unsigned>(random_() % bound); }
    std::string some_id() { return "id" + std::to_string(below(40)); }

    std::mt19937 random_;
    RoutingTable table_;
    Model model_;
    std::array<NodeIndex, 6> nodes_{};
    std::map<NodeIndex, IdSet> lists_; // the lists under way, with the ids named so far
    NodeSet taken_;                    // by nodes that were removed
};

} // namespace

TEST_CASE("routing table: many nodes for an id, many ids for a node", "[routing_table]") {
    RoutingTable table;
    REQUIRE(table.login(0, "a"));
    REQUIRE(table.login(1, "a"));
    REQUIRE(table.login(0, "b"));
    REQUIRE_FALSE(table.login(0, "a"));
    REQUIRE(nodes_of(table, "a") == NodeSet{0, 1});
    REQUIRE(holds_exactly(table, 0, {"a", "b"}));
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

TEST_CASE("routing table: unknown nodes hold nothing", "[routing_table]") {
    RoutingTable table;
    REQUIRE(table.id_count(5) == 0);
    REQUIRE(holds_exactly(table, 5, {}));
    REQUIRE_FALSE(table.logout(5, "a"));
    REQUIRE(table.remove_node(5));
    REQUIRE_FALSE(table.has_to_reclaim());
    REQUIRE(nodes_of(table, "a").empty());
}

TEST_CASE("routing table: a removed node holds nothing, others keep theirs", "[routing_table]") {
    RoutingTable table;
    for (const char* id : {"a", "b", "c"}) {
        REQUIRE(table.login(1, id));
        REQUIRE(table.login(2, id));
    }
    REQUIRE(table.login(1, "only"));
    REQUIRE_FALSE(table.remove_node(1));
    REQUIRE(holds_exactly(table, 1, {}));
    REQUIRE(table.digest(1) == 0);
    REQUIRE(nodes_of(table, "b") == NodeSet{2});
    REQUIRE(nodes_of(table, "only").empty());
    REQUIRE(reclaim_all(table) == NodeSet{1});
    REQUIRE(table.id_count() == 3);
    REQUIRE(nodes_of(table, "b") == NodeSet{2});
}

TEST_CASE("routing table: a list in parts replaces what a node holds", "[routing_table]") {
    RoutingTable table;
    for (const char* id : {"a", "b", "c"}) {
        REQUIRE(table.login(1, id));
    }
    table.begin_list(1);
    table.login(1, "b");
    REQUIRE(nodes_of(table, "a") == NodeSet{1}); // until the list has ended
    table.login(1, "d");
    table.end_list(1);
    REQUIRE(holds_exactly(table, 1, {"b", "d"}));

    SECTION("a later list works the same") {
        table.begin_list(1);
        table.login(1, "d");
        table.end_list(1);
        REQUIRE(holds_exactly(table, 1, {"d"}));
    }
    SECTION("an empty list logs all out") {
        table.begin_list(1);
        table.end_list(1);
        REQUIRE(holds_exactly(table, 1, {}));
    }
    SECTION("a list that begins again forgets the ids of the unfinished one") {
        table.begin_list(1);
        table.login(1, "e");
        table.login(1, "b");
        table.begin_list(1);
        table.login(1, "d");
        table.end_list(1);
        REQUIRE(holds_exactly(table, 1, {"d"}));
    }
    SECTION("another node's list does not matter") {
        table.begin_list(2);
        table.login(2, "b");
        table.end_list(2);
        REQUIRE(holds_exactly(table, 1, {"b", "d"}));
        REQUIRE(nodes_of(table, "b") == NodeSet{1, 2});
    }
    SECTION("a node that is removed in the middle of a list begins afresh") {
        table.begin_list(1);
        table.login(1, "b");
        REQUIRE_FALSE(table.remove_node(1));
        REQUIRE(holds_exactly(table, 1, {}));
        REQUIRE(reclaim_all(table) == NodeSet{1});
        REQUIRE(table.login(1, "x"));
        table.begin_list(1);
        table.end_list(1);
        REQUIRE(holds_exactly(table, 1, {}));
    }
}

TEST_CASE("routing table: links are reclaimed a few at a time", "[routing_table]") {
    constexpr std::uint32_t kIds = 100;
    RoutingTable table;
    for (std::uint32_t i = 0; i < kIds; ++i) {
        REQUIRE(table.login(1, std::to_string(i)));
    }
    REQUIRE(table.login(2, "0"));
    NodeSet free;
    const auto reclaim = [&](std::uint32_t links) {
        table.reclaim(links, [&](NodeIndex node) { free.insert(node); });
    };

    SECTION("links of a removed node") {
        REQUIRE_FALSE(table.remove_node(1));
        reclaim(30);
        REQUIRE(table.id_count() == kIds - 30);
        reclaim(kIds - 31);
        REQUIRE(table.has_to_reclaim());
        REQUIRE(free.empty());
        reclaim(1);
        REQUIRE(free == NodeSet{1});
    }
    SECTION("links of a node that comes back meanwhile, with another index") {
        REQUIRE_FALSE(table.remove_node(1));
        reclaim(30);
        for (std::uint32_t i = 0; i < kIds; ++i) {
            REQUIRE(table.login(3, std::to_string(i)));
        }
        REQUIRE(nodes_of(table, "1") == NodeSet{3});
        REQUIRE(reclaim_all(table) == NodeSet{1});
        REQUIRE(table.id_count() == kIds);
        REQUIRE(nodes_of(table, "0") == NodeSet{2, 3});
    }
    SECTION("links of ids that a list did not name") {
        table.begin_list(1);
        table.login(1, "7");
        table.end_list(1);
        REQUIRE(holds_exactly(table, 1, {"7"}));
        REQUIRE(table.digest(1) == digest_of({"7"}));
        REQUIRE(nodes_of(table, "0") == NodeSet{2});
        reclaim(30);
        REQUIRE(table.id_count() >= kIds - 30);
        REQUIRE(table.login(1, "8")); // whether its link is still there or not
        REQUIRE(table.login(1, "99"));
        REQUIRE_FALSE(table.login(1, "99"));
        REQUIRE_FALSE(table.logout(1, "9"));
        REQUIRE(reclaim_all(table).empty());
        REQUIRE(holds_exactly(table, 1, {"7", "8", "99"}));
        REQUIRE(table.id_count() == 4);
    }
    SECTION("links of a node that begins list after list") {
        for (int i = 0; i < 10; ++i) {
            table.begin_list(1);
            table.login(1, std::to_string(i));
            reclaim(5);
            REQUIRE(table.id_count(1) == kIds);
        }
        table.end_list(1);
        REQUIRE(holds_exactly(table, 1, {"9"}));
        REQUIRE(reclaim_all(table).empty());
        REQUIRE(table.id_count() == 2);
    }
    SECTION("no links, if a list names all ids") {
        table.begin_list(1);
        for (std::uint32_t i = 0; i < kIds; ++i) {
            table.login(1, std::to_string(i));
        }
        table.end_list(1);
        REQUIRE_FALSE(table.has_to_reclaim());
    }
}

TEST_CASE("routing table: agrees with a model under random operations", "[routing_table]") {
    const auto seed = GENERATE(take(20, random(1U, 1'000'000U)));
    CAPTURE(seed);
    RandomOperations operations(seed);
    for (int step = 0; step < 4000; ++step) {
        operations.step();
        if (step % 20 == 0) {
            operations.check();
        }
        if (step % 500 == 0) {
            operations.reclaim_all();
            operations.check();
        }
    }
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
        REQUIRE_FALSE(table.remove_node(node));
    }
    REQUIRE(reclaim_all(table).size() == kNodes);
    REQUIRE(table.id_count() == 0);
}

} // namespace routing_table_test
