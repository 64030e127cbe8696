// Goal: people can read what zcomet-ctl prints.
#include "tools/ctl/ctl_text.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace ctl_text_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::ctl;
using nlohmann::json;

TEST_CASE("ages have two units at most", "[ctl_text]") {
    CHECK(age_text(0ms) == "0 ms");
    CHECK(age_text(999ms) == "999 ms");
    CHECK(age_text(1s) == "1 s");
    CHECK(age_text(59'999ms) == "59 s");
    CHECK(age_text(60s) == "1 min");
    CHECK(age_text(3min + 5s) == "3 min 5 s");
    CHECK(age_text(2h + 14min + 9s) == "2 h 14 min");
    CHECK(age_text(24h) == "1 d");
    CHECK(age_text(76h + 59min) == "3 d 4 h");
    CHECK(age_text(1h + 59s) == "1 h");
}

TEST_CASE("bytes have a unit that people can compare", "[ctl_text]") {
    CHECK(bytes_text(0) == "0");
    CHECK(bytes_text(1) == "1 B");
    CHECK(bytes_text(1023) == "1023 B");
    CHECK(bytes_text(1024) == "1.0 KiB");
    CHECK(bytes_text(65'536) == "64 KiB");
    CHECK(bytes_text(3'670'016) == "3.5 MiB");
    CHECK(bytes_text(std::uint64_t{5'000} << 30U) == "5000 GiB");
}

TEST_CASE("nodes are a table sorted by name", "[ctl_text]") {
    const json answer = json::parse(R"([
        {"name": "web2", "address": "10.0.0.2", "ids": 5, "streams": 7, "age_ms": 12000,
         "heard_ms": 2100, "live": false, "unacknowledged_bytes": 65536},
        {"name": "web1", "address": "10.0.0.1", "ids": 10000, "streams": 0, "room": 19375, "age_ms": 8040000,
         "heard_ms": 340, "live": true, "unacknowledged_bytes": 0}])");
    CHECK(nodes_text(answer) ==
          "NAME  ADDRESS   STATE       IDS  STREAMS   ROOM         AGE   HEARD  BEHIND\n"
          "web1  10.0.0.1  live      10000        0  19375  2 h 14 min  340 ms       0\n"
          "web2  10.0.0.2  not live      5        7      -        12 s     2 s  64 KiB\n");
    json insecure = answer;
    insecure[1]["insecure"] = true;
    CHECK(nodes_text(insecure) == nodes_text(answer) + "insecure: the broker asks for no keys\n");
    CHECK(nodes_text(json::array()) == "no node is connected to the broker\n");
    CHECK(sorted_nodes(answer).at(0).at("name") == "web1");
}

TEST_CASE("a name that came over the wire commands no terminal", "[ctl_text]") {
    json node = {
        {"name", "a\x1b[2J"}, {"address", "10.0.0.1"}, {"ids", 0}, {"streams", 0}, {"age_ms", 0}};
    node.update({{"heard_ms", 0}, {"live", true}, {"unacknowledged_bytes", 0}});
    CHECK(nodes_text(json::array({node})).find("a\\x1b[2J") != std::string::npos);
    CHECK(who_text({{"id", "1"}, {"nodes", {"a\nb"}}}) == "a\\nb\n");
}

TEST_CASE("who lists names, or says that no node holds the id", "[ctl_text]") {
    CHECK(who_text({{"id", "123"}, {"nodes", {"web2", "web1"}}}) == "web1\nweb2\n");
    CHECK(who_text({{"id", "123"}, {"nodes", json::array()}}) == "nobody is logged in as 123\n");
}

TEST_CASE("stats are facts, then counters", "[ctl_text]") {
    const json answer = {{"name", "broker"},
                         {"version", "0.1.0"},
                         {"incarnation", "0102030405060708"},
                         {"uptime_ms", 61'000},
                         {"ids", 3},
                         {"nodes", 2},
                         {"senders", 1},
                         {"counters", {{"messages_in", 20}}}};
    CHECK(stats_text(answer) == "WHAT                    VALUE\n"
                                "name                   broker\n"
                                "version                 0.1.0\n"
                                "incarnation  0102030405060708\n"
                                "uptime              1 min 1 s\n"
                                "ids                         3\n"
                                "nodes                       2\n"
                                "senders                     1\n"
                                "messages_in                20\n");
}

TEST_CASE("an incomplete answer is an exception, not a crash", "[ctl_text]") {
    CHECK_THROWS_AS(nodes_text(json::parse(R"([{"name": "a"}])")), json::exception);
    CHECK_THROWS_AS(who_text(json::object()), json::exception);
    CHECK_THROWS_AS(stats_text(json::array()), json::exception);
}

TEST_CASE("a message that reached nodes looks different from one that went into the void",
          "[ctl_text]") {
    CHECK(sent_text("123", {.nodes = 2}, false) == "sent to 123: held by 2 nodes\n");
    CHECK(sent_text("123", {.nodes = 1}, false) == "sent to 123: held by 1 node\n");
    CHECK(sent_text("123", {.nodes = 0}, false) ==
          "nobody is logged in as 123: the message went into the void\n");
    CHECK(sent_text("123", {.nodes = 1}, true) == "sent to 123: arrived at 1 node\n");
    CHECK(sent_text("123", {.nodes = 0}, true) == "sent to 123: arrived at no node\n");
    CHECK(sent_text("123", {.nodes = std::nullopt}, false) ==
          "sent to 123: the broker does not know who held it\n");
    CHECK(sent_text("123", {.nodes = std::nullopt}, true) ==
          "sent to 123: the broker does not know whether it has arrived\n");
    CHECK(sent_text("123", {.nodes = 2, .cursor = "e-p"}, false) ==
          "sent to 123: held by 2 nodes; kept, cursor e-p\n");
    CHECK(sent_text("123", {.nodes = 0, .cursor = "e-p"}, false) ==
          "nobody is logged in as 123: the message is kept, cursor e-p\n");
    CHECK(sent_text("123", {.nodes = 0, .cursor = "e-p"}, true) ==
          "sent to 123: arrived at no node; kept, cursor e-p\n");
}

TEST_CASE("round trips are in milliseconds", "[ctl_text]") {
    CHECK(pong_text("tcp://127.0.0.1:5555", 214us) == "pong from tcp://127.0.0.1:5555: 0.21 ms\n");
    CHECK(pongs_text({1ms, 2ms, 6ms}) ==
          "3 round trips: least 1.00 ms, mean 3.00 ms, most 6.00 ms\n");
}

TEST_CASE("the ledger says what came in, and then what happened to it", "[ctl_text]") {
    auto answer = nlohmann::json::parse(R"({
        "senders": {"sent": 21, "taken_in": 20, "missing": 1, "remainder": 0},
        "messages": {"taken_in": 20, "rerouted": 2, "held": 22, "void": 0, "known": 0, "remainder": 0},
        "copies": {"routed": 26, "acknowledged": 25, "shed": 0, "abandoned": 1, "under_way": 0, "remainder": 0},
        "nodes": {"acknowledged": 25, "received": 25, "unreported": 0, "disbelieved": 0, "disbelieved_nodes": [], "streams_cut_off": 0, "cut_off_ms": 0, "remainder": 0},
        "received": {"received": 25, "shown": 24, "unclaimed": 1, "duplicates": 0, "remainder": 0},
        "chunks": {"given": 30, "written": 30, "dropped": 0, "abandoned": 0, "waiting": 0, "remainder": 0}})");
    CHECK(ledger_text(answer) == "senders   21 sent = 20 taken_in + 1 missing\n"
                                 "messages  20 taken_in + 2 rerouted = 22 held\n"
                                 "copies    26 routed = 25 acknowledged + 1 abandoned\n"
                                 "nodes     25 acknowledged = 25 received\n"
                                 "received  25 received = 24 shown + 1 unclaimed\n"
                                 "chunks    30 given = 30 written\n"
                                 "the ledger balances\n");
    answer["nodes"]["streams_cut_off"] = 40;
    answer["nodes"]["cut_off_ms"] = 10'240;
    CHECK_THAT(
        ledger_text(answer),
        Catch::Contains("40 streams were cut off for 10.2 s, and may have missed messages\n"));
    answer["nodes"]["disbelieved_nodes"] = {"web/1", "a\x1b[2J"};
    CHECK_THAT(ledger_text(answer),
               Catch::Contains("node web/1 reports numbers that cannot be; they are left out\n") &&
                   Catch::Contains("node a\\x1b[2J reports numbers"));
    answer["nodes"]["remainder"] = -2;
    CHECK_THAT(ledger_text(answer), Catch::Contains("= 25 received and -2 UNEXPLAINED\n") &&
                                        Catch::Contains("does NOT balance"));
}

} // namespace ctl_text_test
