// Goal: flags, the cluster file and defaults become the options of a Broker, in this order of
// precedence, and contradictory options are refused.
#include "broker/shell/options.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include <string>

namespace options_test {

using namespace zcomet;
using namespace zcomet::broker::shell;
using Catch::Matchers::Contains;

namespace {

/// A command line that was parsed and settled.
struct Settled {
    explicit Settled(const std::string& arguments) {
        app.parse(arguments);
        const Status settled = line.settle();
        error = settled.ok() ? std::string() : settled.error().text;
    }

    CLI::App app{"test", "zcomet-broker"};
    CommandLine line{app};
    const BrokerOptions& options = line.options();
    std::string error;
};

const std::string kCluster = "--cluster " ZCOMET_SOURCE_ROOT "/topology/examples/three-hosts.toml";

} // namespace

TEST_CASE("a broker's options without any flag", "[options]") {
    const Settled settled("");
    CHECK(settled.error.empty());
    CHECK(settled.options.listen.text() == "127.0.0.1:5555");
    CHECK(settled.options.feed.text() == "127.0.0.1:5556");
    CHECK(settled.options.admin.host.empty());
    CHECK(settled.options.router.incarnation != 0);
    CHECK(settled.line.table().settings() ==
          "listen=tcp://127.0.0.1:5555 feed=tcp://127.0.0.1:5556 admin=- http_name=- name=broker "
          "advertise=- keys=- insecure=false cluster=- host=- liveness_ms=3000 "
          "sender_window=262144 feed_window=262144 "
          "feed_bound=67108864 peers_max=100000 ids_max=50000000 ids_per_node=2000000 "
          "memory_max=" +
              std::to_string(settled.line.options().router.memory_max) +
              " waiting_max=134217728 queries_max=20 resends_max=10 history=- "
              "history_bytes=268435456 "
              "supervise=false hang_after=10 user=-");
}

TEST_CASE("the feed follows --listen unless it is given", "[options]") {
    CHECK(Settled("--listen tcp://10.0.0.1:7000").options.feed.text() == "10.0.0.1:7001");
    CHECK(Settled("--listen tcp://10.0.0.1:*").options.feed.text() == "10.0.0.1:0");
    CHECK(Settled("--listen tcp://10.0.0.1:7000 --feed tcp://10.0.0.2:9").options.feed.text() ==
          "10.0.0.2:9");
    CHECK_THAT(Settled("--listen tcp://10.0.0.1:65535").error, Contains("--feed"));
}

TEST_CASE("a broker that other machines reach has keys, or the word that it needs none",
          "[options]") {
    const auto refusal = [](const std::string& arguments) {
        const Settled settled(arguments);
        REQUIRE(settled.error.empty());
        const Status checked = settled.line.check_keys();
        return checked.ok() ? std::string() : checked.error().text;
    };
    for (const std::string here :
         {"", "--listen 127.0.0.1:7000", "--listen 127.9.9.9:* --feed tcp://[::1]:*",
          "--listen localhost:7000", "--listen tcp://[::ffff:127.0.0.1]:7000"}) {
        INFO(here);
        CHECK(refusal(here).empty());
    }
    for (const std::string there :
         {"--listen *:7000", "--listen 0.0.0.0:7000", "--listen tcp://[::]:7000",
          "--listen 192.0.2.1:7000", "--listen tcp://[2001:db8::1]:7000", "--listen lo:7000"}) {
        INFO(there);
        const std::string text = refusal(there);
        CHECK_THAT(text, Contains("zcomet-ctl keys init DIR") &&
                             Contains("zcomet-broker --keys DIR") && Contains("--insecure"));
        CHECK(text.find('\n') == std::string::npos);
        CHECK(refusal(there + " --insecure").empty());
        CHECK(refusal(there + " --keys /etc/zcomet/keys").empty());
    }
    CHECK_THAT(refusal("--listen 127.0.0.1:7000 --feed 192.0.2.1:7001"),
               Contains("tcp://192.0.2.1:7001"));
    CHECK_THROWS_WITH(Settled("--insecure --keys d"), Contains("--keys"));
}

TEST_CASE("a broker with keys, or the word that it needs none, listens everywhere", "[options]") {
    for (const std::string decided : {"--keys /etc/zcomet/keys", "--insecure"}) {
        INFO(decided);
        CHECK(Settled(decided).options.listen.text() == "*:5555");
        CHECK(Settled(decided).options.feed.text() == "*:5556");
        const Settled given(decided + " --listen 127.0.0.1:7000");
        CHECK(given.options.listen.text() == "127.0.0.1:7000");
        CHECK(given.options.feed.text() == "127.0.0.1:7001");
        CHECK(Settled(decided + " --feed 127.0.0.1:9").options.feed.text() == "127.0.0.1:9");
    }
}

TEST_CASE("keys, or none, may be a matter of the cluster file", "[options]") {
    const Settled from_file(kCluster);
    CHECK(from_file.options.keys_path == "/etc/zcomet/keys");
    CHECK_FALSE(from_file.options.router.is_insecure);
    CHECK(from_file.line.check_keys().ok());
    const Settled insecure(kCluster + " --insecure");
    CHECK(insecure.error.empty());
    CHECK(insecure.options.keys_path.empty());
    CHECK(insecure.options.listen.text() == "198.18.0.1:5555");
    CHECK(Settled(kCluster + " --keys mine").options.keys_path == "mine");
}

TEST_CASE("addresses may have a scheme or none", "[options]") {
    const Settled bare("--listen 10.0.0.1:7000 --feed 10.0.0.1:9 --admin 10.0.0.1:8");
    const Settled full(
        "--listen tcp://10.0.0.1:7000 --feed tcp://10.0.0.1:9 --admin http://10.0.0.1:8");
    CHECK(bare.error.empty());
    CHECK(bare.line.table().settings() == full.line.table().settings());
    CHECK(bare.options.admin.text() == "10.0.0.1:8");
}

TEST_CASE("the cluster file fills in what flags leave open", "[options]") {
    const Settled from_file(kCluster);
    CHECK(from_file.error.empty());
    CHECK(from_file.options.listen.text() == "198.18.0.1:5555");
    CHECK(from_file.options.advertise == "198.18.0.1");
    CHECK(from_file.options.router.name == "broker");
    const Settled given(kCluster + " --listen tcp://127.0.0.1:7000 --name mine --advertise here");
    CHECK(given.options.listen.text() == "127.0.0.1:7000");
    CHECK(given.options.feed.text() == "127.0.0.1:7001");
    CHECK(given.options.router.name == "mine");
    CHECK(given.options.advertise == "here");
    CHECK_THAT(Settled(kCluster + " --host web1").error, Contains("web1"));
    CHECK_THAT(Settled("--cluster /nonexistent").error, Contains("/nonexistent"));
}

TEST_CASE("nodes are told a host, and nothing else", "[options]") {
    for (const std::string host : {"feed.example", "192.0.2.1", "2001:db8::1", "*"}) {
        INFO(host);
        CHECK(Settled("--advertise " + host).options.advertise == host);
    }
    for (const std::string text : {"'a b'", "192.0.2.1:5556", "tcp://192.0.2.1", "[::1]", "a/b"}) {
        INFO(text);
        CHECK_THROWS_WITH(Settled("--advertise " + text),
                          Contains("--advertise") && Contains("is not a host"));
    }
}

TEST_CASE("liveness sets the pace of heartbeats", "[options]") {
    const Settled settled("--liveness-ms 900");
    CHECK(settled.options.router.liveness == 900ms);
    CHECK(settled.options.router.heartbeat_interval == 300ms);
}

TEST_CASE("a feed has room for a frame beyond its window", "[options]") {
    CHECK_THAT(Settled("--feed-bound 1048576").error, Contains("--feed-bound"));
    CHECK(Settled("--feed-bound 1310720").error.empty());
}

TEST_CASE("the addresses of the earlier process win", "[options]") {
    const Settled settled("--listen tcp://127.0.0.1:* --bound-listen tcp://127.0.0.1:11 "
                          "--bound-feed tcp://127.0.0.1:12 --bound-admin 127.0.0.1:13");
    CHECK(settled.options.listen.text() == "127.0.0.1:11");
    CHECK(settled.options.feed.text() == "127.0.0.1:12");
    CHECK(settled.options.admin.text() == "127.0.0.1:13");
}

} // namespace options_test
