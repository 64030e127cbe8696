// Real programs: senders learn where their messages have arrived, even when brokers die, and the
// ledger balances afterwards.
#include "test/support/cluster.hpp"
#include "test/support/programs.hpp"

#include <catch2/catch.hpp>

namespace acknowledge_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

Finished ctl_ledger(const Cluster& cluster) {
    return run(path_of("zcomet-ctl"), {"--broker", cluster.broker_endpoint(), "ledger", "--json"});
}

nlohmann::json balanced_ledger(const Cluster& cluster) {
    const Finished ledger = ctl_ledger(cluster);
    INFO(ledger.output);
    CHECK(ledger.status == 0);
    return nlohmann::json::parse(ledger.output);
}

} // namespace

TEST_CASE("an acknowledged message is at the nodes") {
    Cluster cluster;
    CometClient here = cluster.open_stream(0, "123");
    CometClient there = cluster.open_stream(1, "123");
    const auto client = cluster.connect();
    CHECK(client->send_acknowledged("123", "hello").value().nodes == 2);
    CHECK(client->send_acknowledged("nobody", "hello").value().nodes == 0);
    CHECK(here.await_chunks(1).size() == 1);
    CHECK(there.await_chunks(1).size() == 1);
    const auto ledger = balanced_ledger(cluster);
    CHECK(ledger.at("senders").at("sent") == 2);
    CHECK(ledger.at("messages").at("void") == 1);
    CHECK(ledger.at("chunks").at("written") == 2);
}

TEST_CASE("msggen --ack loses nothing and shows nothing twice while the broker is killed") {
    constexpr std::size_t kMessages = 2000;
    Cluster cluster;
    CometClient here = cluster.open_stream(0, "1");
    CometClient there = cluster.open_stream(1, "1");
    Process msggen(path_of("zcomet-msggen"),
                   {"--broker", cluster.broker_endpoint(), "--count", std::to_string(kMessages),
                    "--interval", "1", "--max", "1", "--ack", "--json"});
    for (const std::size_t arrived : {kMessages / 10, kMessages / 4}) {
        REQUIRE(here.await_chunks(arrived).size() >= arrived);
        cluster.broker().signal(SIGKILL);
        REQUIRE(cluster.broker().wait());
        cluster.start_broker();
    }
    REQUIRE(msggen.wait(60s) == 0);
    const auto summary = nlohmann::json::parse(msggen.output());
    CHECK(summary.at("acknowledged") == kMessages);
    CHECK(summary.at("void") == 0);
    CHECK(summary.at("unconfirmed") == 0);
    CHECK(summary.at("resent") > 0);
    for (CometClient* stream : {&here, &there}) {
        REQUIRE(stream->await_chunks(kMessages).size() == kMessages);
        for (std::size_t i = 0; i < kMessages; ++i) {
            REQUIRE(stream->chunks()[i] ==
                    comet_chunk(i + 1, "Fake message Num = " + std::to_string(i + 1)));
        }
    }
    // Messages that earlier brokers have taken in are not missing at this one.
    CHECK(balanced_ledger(cluster).at("senders").at("missing") == 0);
}

TEST_CASE("a message that a dead node missed is acknowledged for the living nodes") {
    Cluster cluster;
    CometClient here = cluster.open_stream(0, "123");
    const CometClient there = cluster.open_stream(1, "123");
    const auto client =
        client::Client::connect({.broker = cluster.broker_endpoint(), .name = "", .timeout = 20s});
    REQUIRE(client.ok());
    cluster.web_node(1).kill_all(); // the broker will notice the silence
    CHECK(client.value()->send_acknowledged("123", "hello").value().nodes == 1);
    CHECK(here.await_chunks(1).size() == 1);
    CHECK(balanced_ledger(cluster).at("copies").at("abandoned") == 1);
}

} // namespace acknowledge_test
