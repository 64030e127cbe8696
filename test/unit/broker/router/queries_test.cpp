// Queries: pages of thousands of nodes, and proof that queries cannot hold up a turn.
#include "broker/router/answers.hpp"
#include "test/unit/broker/router/router_harness.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string>

namespace queries_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using wire::ErrorCode;

namespace {

std::string query(const char* what, const std::string& argument, std::uint64_t token = 1) {
    return wire::encode(wire::Query{token, what, argument});
}

/// A broker with very many peers. Peer number N is called "node-N" or "sender", has connection "N"
/// and incarnation N.
class ManyPeers : public RouterHarness {
  public:
    using RouterHarness::RouterHarness;
    void join_nodes(std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t i = first; i <= last; ++i) {
            const std::string number = std::to_string(i);
            join_node(number, i, "node-" + number);
        }
    }
    void join_senders(std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t i = first; i <= last; ++i) {
            join_sender(std::to_string(i), i);
        }
    }
    /// Asks for one page after the other. `between` is called before each further page.
    template <typename Between> std::map<std::string, int> all_pages(Between&& between) {
        std::map<std::string, int> seen;
        for (std::string argument;;) {
            const auto page = nlohmann::json::parse(RouterHarness::query("nodes", argument));
            ++pages;
            for (const auto& node : page) {
                if (!node.contains("more")) {
                    ++seen[node["name"]];
                }
            }
            CHECK(page.size() <= kNodesPerPage + 1);
            if (page.empty() || !page.back().contains("more")) {
                return seen;
            }
            argument = page.back()["more"];
            between();
            turn();
        }
    }
    std::map<std::string, int> all_pages() {
        return all_pages([] {});
    }
    int pages = 0;
};

} // namespace

TEST_CASE("queries: pages name each of thousands of nodes once", "[router]") {
    ManyPeers broker;
    broker.join_nodes(1, 1200);
    broker.join_senders(1201, 1300);
    broker.join_nodes(1301, 7000); // more than fit into a frame
    const auto seen = broker.all_pages();
    CHECK(seen.size() == 6900);
    CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& one) { return one.second == 1; }));
    CHECK(broker.pages == 14);
    CHECK(broker.counter(table::BrokerCounter::kErrors) == 0);
}

TEST_CASE("queries: a page that is the whole answer names no next page", "[router]") {
    ManyPeers broker;
    CHECK(broker.query("nodes") == "[]");
    broker.join_nodes(1, kNodesPerPage);
    const auto page = nlohmann::json::parse(broker.query("nodes"));
    CHECK(page.size() == kNodesPerPage);
    CHECK_FALSE(page.back().contains("more"));
    CHECK(broker.query("nodes", "from 500") == "[]");
    broker.turn(); // else further answers would wait
    CHECK(broker.query("nodes", "from 4294967295") == "[]");
}

TEST_CASE("queries: a program that does not know pages sees that there are more nodes",
          "[router]") {
    ManyPeers broker;
    broker.join_nodes(1, kNodesPerPage + 1);
    const auto page = nlohmann::json::parse(broker.query("nodes"));
    REQUIRE(page.size() == kNodesPerPage + 1);
    const auto& more = page.back();
    CHECK(more["name"] == "(there are more)");
    CHECK(more["more"] == "from 500");
    for (const auto& [member, value] : page.front().items()) {
        CAPTURE(member);
        REQUIRE(more.contains(member)); // or such a program would stumble over it
        CHECK(more[member].type_name() == std::string(value.type_name()));
    }
}

TEST_CASE("queries: nodes that stay are named once while others come and go", "[router]") {
    ManyPeers broker;
    broker.join_nodes(1, 3000);
    std::uint64_t gone = 0;
    std::uint64_t come = 3000;
    const auto seen = broker.all_pages([&] {
        for (int i = 0; i < 50; ++i) { // from both ends, and new ones take the free places
            broker.say(std::to_string(++gone), wire::encode(wire::Goodbye{}));
        }
        broker.join_nodes(come + 1, come + 30);
        come += 30;
    });
    for (std::uint64_t i = gone + 1; i <= 3000; ++i) {
        const auto found = seen.find("node-" + std::to_string(i));
        REQUIRE(found != seen.end());
        CHECK(found->second == 1);
    }
}

TEST_CASE("queries: a page ends after many senders, though it names no node", "[router]") {
    ManyPeers broker;
    broker.join_senders(1, kPeersPerPage + 10);
    broker.join_nodes(20'001, 20'003);
    CHECK(broker.all_pages().size() == 3);
    CHECK(broker.pages == 2);
}

TEST_CASE("queries: an argument that no answer contained is refused", "[router]") {
    RouterHarness broker;
    for (const char* argument : {"all", "from", "from ", "from x", "from 1 ", "from  1", "from -1",
                                 "from +1", "from 4294967296", "FROM 1", "1", " from 1"}) {
        CAPTURE(argument);
        broker.pass(1s); // else no more errors would be sent
        CHECK(broker.refused("asker", query("nodes", argument)) == ErrorCode::kMalformed);
    }
    CHECK(broker.query("nodes", "from 0") == "[]");
    for (const char* what : {"stats", "ledger"}) {
        broker.pass(1s);
        CHECK(broker.refused("asker", query(what, "from 0")) == ErrorCode::kMalformed);
    }
}

TEST_CASE("queries: those for which a turn has no time wait, and keep their order", "[router]") {
    ManyPeers broker;
    broker.join_nodes(1, 1000);
    broker.turn();
    constexpr std::uint64_t kAsked = 9;
    for (std::uint64_t token = 1; token <= kAsked; ++token) {
        broker.say("asker", query("nodes", "", token));
    }
    broker.say("asker", query("who", "a", kAsked + 1));
    std::vector<std::uint64_t> tokens;
    const auto hear = [&] {
        const auto answers = broker.take("asker");
        for (const std::string& answer : answers) {
            tokens.push_back(RouterHarness::decoded<wire::Answer>(answer).token);
        }
        return answers.size();
    };
    CHECK(hear() == 2);
    CHECK(broker.router.due() <= broker.now);
    broker.ask<wire::Pong>("other", wire::encode(wire::Ping{1})); // others do not wait
    int turns = 0;
    for (; tokens.size() <= kAsked; ++turns) {
        broker.turn();
        CHECK(hear() <= 2);
        REQUIRE(turns < 10);
    }
    CHECK(turns == 4);
    CHECK(std::is_sorted(tokens.begin(), tokens.end()));
    CHECK(broker.router.due() > broker.now);
}

TEST_CASE("queries: when very many wait, further ones are refused", "[router]") {
    ManyPeers broker;
    broker.join_nodes(1, 1000);
    broker.turn();
    for (int i = 0; i < 2; ++i) {
        broker.say("asker", query("nodes", "")); // fills a turn
    }
    for (std::size_t i = 0; i < Queries::kWaitingMax; ++i) {
        broker.say(std::to_string(i), query("stats", ""));
    }
    CHECK(broker.take("asker").size() == 2);
    CHECK(broker.counter(table::BrokerCounter::kErrorsOverloaded) == 0);
    CHECK(broker.refused("other", query("stats", "")) == ErrorCode::kOverloaded);
    CHECK(broker.counter(table::BrokerCounter::kQueriesRefused) == 1);
    broker.turn();
    CHECK(broker.counter(table::BrokerCounter::kQueriesPercent) == 0);
    CHECK_FALSE(broker.take("0").empty());
    CHECK(broker.query("stats").size() > 10); // there is room again
}

TEST_CASE("queries: one connection cannot take all places of those that wait", "[router]") {
    ManyPeers broker;
    broker.join_nodes(1, 1000);
    broker.turn();
    for (int i = 0; i < 2; ++i) {
        broker.say("asker", query("nodes", "")); // fills a turn
    }
    for (std::size_t i = 0; i < Queries::kWaitingPerPeerMax; ++i) {
        broker.say("asker", query("stats", ""));
    }
    CHECK(broker.take("asker").size() == 2);
    CHECK(broker.refused("asker", query("stats", "")) == ErrorCode::kOverloaded);
    broker.say("other", query("stats", "")); // waits
    CHECK(broker.take("other").empty());
    broker.turn();
    CHECK(broker.take("other").size() == 1);
    CHECK(broker.take("asker").size() == Queries::kWaitingPerPeerMax);
}

TEST_CASE("queries: so many a second are answered, and the others wait for their turn",
          "[router]") {
    RouterOptions options;
    options.queries_per_second = 10;
    ManyPeers broker(options);
    for (int asker = 0; asker < 4; ++asker) {
        for (int i = 0; i < 5; ++i) {
            broker.say(std::to_string(asker), query("stats", ""));
        }
    }
    const auto answered = [&] { return broker.counter(table::BrokerCounter::kQueries); };
    CHECK(answered() == 10); // the burst
    broker.turn();
    CHECK(answered() == 10);
    CHECK(broker.router.due() > broker.now); // no loop spins meanwhile
    CHECK(broker.router.due() <= broker.now + 100ms);
    CHECK(broker.ask<wire::Answer>("other", query("who", "a")).token == 1); // costs nothing
    broker.pass(500ms);
    CHECK(answered() == 16); // with the one above
    broker.pass(600ms);
    CHECK(answered() == 21);
    CHECK(broker.counter(table::BrokerCounter::kQueriesRefused) == 0);
}

TEST_CASE("queries: an answer about all nodes serves all who ask within a moment", "[router]") {
    RouterOptions options;
    options.queries_per_second = 1000;
    ManyPeers broker(options);
    broker.join_nodes(1, 2);
    const std::string before = broker.query("nodes");
    broker.join_nodes(3, 3);
    CHECK(broker.query("nodes") == before);
    CHECK(broker.query("nodes", "from 0") != before); // another question
    broker.pass(options.answer_age);
    CHECK(nlohmann::json::parse(broker.query("nodes")).size() == 3);
    const std::string ledger = broker.query("ledger");
    broker.join_sender("s", 20);
    broker.say("s", RouterHarness::send(1, {{"nobody", "x"}}));
    CHECK(broker.query("ledger") == ledger);
    broker.pass(options.answer_age);
    CHECK(broker.query("ledger") != ledger);
}

TEST_CASE("router: a bound that gets near is a gauge, and reported once", "[router]") {
    RouterOptions options;
    options.peers_max = 10;
    ManyPeers broker(options);
    const auto warnings = [&] {
        return std::count_if(broker.events.begin(), broker.events.end(), [](const Reported& event) {
            return event.kind == RouterEvent::Kind::kNear;
        });
    };
    broker.join_nodes(1, 7);
    broker.turn();
    CHECK(broker.counter(table::BrokerCounter::kPeersPercent) == 70);
    CHECK(warnings() == 0);
    broker.join_nodes(8, 8);
    broker.turn();
    broker.join_nodes(9, 9);
    broker.turn();
    CHECK(broker.counter(table::BrokerCounter::kPeersPercent) == 90);
    CHECK(warnings() == 1);
    CHECK(broker.events.back().kind == RouterEvent::Kind::kJoined);
}

TEST_CASE("queries: those that cost no more than a PING never wait", "[router]") {
    RouterHarness broker;
    broker.turn();
    constexpr std::size_t kAsked = 2000;
    for (std::size_t i = 0; i < kAsked; ++i) {
        broker.say("asker", query("who", "a"));
    }
    CHECK(broker.take("asker").size() == kAsked);
}

TEST_CASE("queries: an answer too long for a frame is refused instead of cut", "[router]") {
    constexpr std::uint64_t kNodes = 8'400;
    RouterHarness broker;
    const std::string filler(59, '"'); // takes two bytes each in JSON
    for (std::uint64_t i = 0; i < kNodes; ++i) {
        const std::string connection = std::to_string(i + 1);
        broker.join_node(connection, i + 1, filler + std::to_string(10'000 + i));
        broker.say(connection, RouterHarness::login(1, {"a"}));
    }
    while (broker.router.due() <= broker.now) {
        broker.turn(); // one turn logs in only so many
    }
    CHECK(broker.refused("asker", query("who", "a")) == ErrorCode::kOverloaded);
    CHECK(broker.refused("asker", query("who", "a")) == ErrorCode::kOverloaded);
    broker.say("asker", query("who", "a")); // this one waits, and is refused in the next turn
    CHECK(broker.take("asker").empty());
    broker.turn();
    const auto answers = broker.take("asker");
    REQUIRE(answers.size() == 1);
    CHECK(RouterHarness::decoded<wire::ErrorFrame>(answers[0]).kind ==
          static_cast<std::uint8_t>(wire::Kind::kQuery));
}

} // namespace queries_test
