// The ledger's sums: present peers, departed peers, and messages that belong to no peer.
#include "broker/router/ledger.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace ledger_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace zcomet::broker::router;
using nlohmann::json;
using Counter = table::BrokerCounter;

namespace {

constexpr wire::NodeLedger kTenReceived{.received = 10,
                                        .duplicates = 1,
                                        .unclaimed = 2,
                                        .shown = 7,
                                        .chunks_given = 21,
                                        .chunks_written = 15,
                                        .chunks_dropped = 2,
                                        .chunks_waiting = 4};

class Peers {
  public:
    table::NodePart& add_node(std::uint64_t incarnation, const wire::NodeLedger& ledger) {
        auto peer = new_peer(incarnation);
        peer->part.emplace<table::NodePart>(1U, feed::FeedLimits{}, "topic", 10U, 2U, nullptr);
        table::NodePart& node = *table[table.add(std::move(peer))].node();
        sums.on_report(node, ledger);
        return node;
    }
    table::SenderPart& add_sender(std::uint64_t incarnation) {
        return *table[table.add(new_peer(incarnation))].sender();
    }
    void remove(std::uint64_t incarnation) {
        const table::PeerIndex index = table.find_incarnation(incarnation);
        sums.on_gone(table[index]);
        table.remove(index);
    }
    [[nodiscard]] json ledger() const { return json::parse(ledger_json(sums, counters, 0)); }

    table::PeerTable table;
    table::BrokerCounters counters;
    LedgerSums sums;

  private:
    static std::unique_ptr<table::Peer> new_peer(std::uint64_t incarnation) {
        auto peer = std::make_unique<table::Peer>();
        peer->incarnation = incarnation;
        peer->connection = std::to_string(incarnation);
        peer->name = peer->connection;
        return peer;
    }
};

} // namespace

TEST_CASE("an empty ledger has no remainders", "[ledger]") {
    const json ledger = Peers().ledger();
    CHECK(ledger.size() == 6);
    for (const auto& [name, part] : ledger.items()) {
        CAPTURE(name);
        CHECK(part["remainder"] == 0);
    }
}

TEST_CASE("the ledger adds up present and departed nodes", "[ledger]") {
    Peers peers;
    peers.add_node(1, {.received = 5, .shown = 5, .chunks_given = 5, .chunks_waiting = 5});
    peers.sums.on_report(*peers.table[0].node(), kTenReceived); // the last one counts
    peers.add_node(2, kTenReceived);
    peers.add_node(3, kTenReceived);
    peers.remove(3);
    peers.counters.add(Counter::kMessagesAcknowledged, 30);
    const json ledger = peers.ledger();
    CHECK(ledger["received"]["received"] == 30);
    CHECK(ledger["received"]["shown"] == 21);
    CHECK(ledger["received"]["unclaimed"] == 6);
    CHECK(ledger["received"]["duplicates"] == 3);
    CHECK(ledger["received"]["remainder"] == 0);
    CHECK(ledger["chunks"]["given"] == 63);
    CHECK(ledger["chunks"]["waiting"] == 8); // the departed node's chunks wait no more
    CHECK(ledger["chunks"]["abandoned"] == 4);
    CHECK(ledger["chunks"]["remainder"] == 0);
}

TEST_CASE("a ledger whose numbers fall, or exceed their whole, is impossible", "[ledger]") {
    const wire::NodeLedger before = kTenReceived;
    CHECK(is_possible(before, {}, 10));
    CHECK(is_possible(before, before, 10));
    CHECK_FALSE(is_possible(before, {}, 9)); // it has acknowledged fewer than it has received
    using Number = std::uint64_t wire::NodeLedger::*;
    const std::vector<Number> rising{
        &wire::NodeLedger::received,      &wire::NodeLedger::duplicates,
        &wire::NodeLedger::unclaimed,     &wire::NodeLedger::shown,
        &wire::NodeLedger::chunks_given,  &wire::NodeLedger::chunks_written,
        &wire::NodeLedger::chunks_dropped};
    for (const Number number : rising) {
        wire::NodeLedger now = before;
        --(now.*number);
        CHECK_FALSE(is_possible(now, before, 10));
        for (const std::uint64_t huge : {std::uint64_t{1} << 60U, UINT64_MAX}) {
            now.*number = huge;
            CHECK_FALSE(is_possible(now, before, 10));
        }
    }
    wire::NodeLedger now = before;
    now.chunks_waiting = 0; // the only one that may fall
    CHECK(is_possible(now, before, 10));
    now.chunks_waiting = UINT64_MAX;
    CHECK_FALSE(is_possible(now, before, 10));
}

TEST_CASE("a node that is not believed spoils no sum", "[ledger]") {
    Peers peers;
    peers.add_node(1, kTenReceived);
    peers.sums.on_disbelieved("2", peers.add_node(2, kTenReceived));
    peers.counters.add(Counter::kMessagesAcknowledged, 10);
    SECTION("while it is there") {
        CHECK(peers.ledger()["nodes"]["disbelieved_nodes"] == json{"2"});
    }
    SECTION("after it has left") {
        peers.remove(2);
        CHECK(peers.ledger()["nodes"]["disbelieved_nodes"] == json::array());
    }
    for (const char* const part : {"nodes", "received", "chunks"}) {
        CHECK(peers.ledger()[part]["remainder"] == 0);
    }
    CHECK(peers.ledger()["received"]["received"] == 10);
}

TEST_CASE("a sum of parts that change is that of the last values", "[ledger]") {
    ChangingSum sum;
    std::vector<std::uint64_t> parts(50);
    std::mt19937_64 random(7);
    for (int i = 0; i < 10'000; ++i) {
        std::uint64_t& part = parts[random() % parts.size()];
        const std::uint64_t before = std::exchange(part, random() >> (random() % 64));
        sum.change(before, part);
        std::uint64_t expected = 0;
        for (const std::uint64_t one : parts) {
            expected = table::sum_or_max(expected, one);
        }
        REQUIRE(sum.get() == expected);
    }
}

TEST_CASE("sums that are too large stay at the largest number", "[ledger]") {
    Peers peers;
    for (const std::uint64_t incarnation : {1U, 2U}) {
        table::SenderPart& sender = peers.add_sender(incarnation);
        sender.sent = UINT64_MAX - 1;
        peers.sums.on_sender(sender);
    }
    CHECK(peers.ledger()["senders"]["sent"] == UINT64_MAX);
    CHECK(peers.ledger()["senders"]["remainder"] == 0);
    peers.remove(1); // a sum is right again as soon as it is small enough
    CHECK(peers.ledger()["senders"]["missing"] == UINT64_MAX - 1);
}

TEST_CASE("the ledger counts messages that a sender says it has sent and that never came",
          "[ledger]") {
    Peers peers;
    table::SenderPart& sender = peers.add_sender(1);
    sender.sent_before = 100; // to another broker
    sender.taken_in = 150;
    sender.sent = 160;
    peers.sums.on_sender(sender);
    peers.counters.add(Counter::kMessagesIn, 50);
    json ledger = peers.ledger();
    CHECK(ledger["senders"]["sent"] == 60);
    CHECK(ledger["senders"]["taken_in"] == 50);
    CHECK(ledger["senders"]["missing"] == 10);
    CHECK(ledger["senders"]["remainder"] == 0);

    peers.counters.add(Counter::kMessagesMissing, sender.missing()); // as the broker does
    peers.remove(1);
    CHECK(peers.ledger()["senders"] == ledger["senders"]);
}

TEST_CASE("an uncounted message is a remainder, and one counted twice is a negative one",
          "[ledger]") {
    Peers peers;
    peers.counters.add(Counter::kMessagesIn, 5);
    peers.counters.add(Counter::kMessagesHeld, 3);
    peers.counters.add(Counter::kMessagesVoid, 1);
    CHECK(peers.ledger()["messages"]["remainder"] == 1);
    peers.counters.add(Counter::kMessagesVoid, 3);
    CHECK(peers.ledger()["messages"]["remainder"] == -2);
}

} // namespace ledger_test
