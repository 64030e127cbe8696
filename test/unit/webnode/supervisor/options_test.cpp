#include "topology/program/program.hpp"
#include "webnode/supervisor/options.hpp"
#include "webnode/worker/token_keys.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace options_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::supervisor;
using Catch::Matchers::Contains;

namespace {

/// A parsed command line.
struct Parsed {
    /// `arguments` without the program's name.
    explicit Parsed(std::vector<std::string> arguments) {
        std::reverse(arguments.begin(), arguments.end()); // as CLI11 wants it
        app.parse(arguments);
    }

    CLI::App app{"test", "zcomet-webnode"};
    bool common = (program::add_common_options(app), true);
    CommandLine line{app};
};

WebNodeOptions settle(const std::vector<std::string>& arguments) {
    Parsed parsed(arguments);
    parsed.line.settle();
    return parsed.line.options();
}

std::string written(const std::string& text) {
    std::string path = std::filesystem::temp_directory_path() / "zcomet-options-XXXXXX";
    ::close(::mkstemp(path.data()));
    std::ofstream(path) << text;
    return path;
}

} // namespace

TEST_CASE("without options a web node brings its own broker", "[options]") {
    const WebNodeOptions options = settle({});
    CHECK(options.embedded_broker);
    CHECK(options.worker.brokers.text() == kEmbeddedBroker);
    CHECK(options.worker.http.text() == "127.0.0.1:8000");
    CHECK(options.workers == 1);
    CHECK(options.admin.host.empty());
    CHECK(options.worker.slow.policy == connection::SlowPolicy::kClose);
}

TEST_CASE("addresses may have a scheme or none", "[options]") {
    const WebNodeOptions options = settle(
        {"--broker", "10.0.0.1:7000", "--http", "http://[::1]:8000", "--admin", "http://[::1]:1"});
    CHECK(options.worker.brokers.text() == "tcp://10.0.0.1:7000");
    CHECK(options.worker.http.text() == "[::1]:8000");
    CHECK(options.admin.text() == "[::1]:1");
}

TEST_CASE("options have their documented meanings", "[options]") {
    const WebNodeOptions options = settle({"--broker",
                                           "tcp://10.0.0.1:7000",
                                           "--http",
                                           "[::1]:0",
                                           "--workers",
                                           "3",
                                           "--name",
                                           "web",
                                           "--admin",
                                           "127.0.0.1:0",
                                           "--max-streams",
                                           "10",
                                           "--stream-buffer",
                                           "2048",
                                           "--slow-streams",
                                           "drop-oldest",
                                           "--slow-after",
                                           "7",
                                           "--stream-burst",
                                           "100000",
                                           "--stream-memory",
                                           "2000000",
                                           "--kernel-buffer",
                                           "200000",
                                           "--request-deadline-ms",
                                           "500",
                                           "--request-memory",
                                           "8388608",
                                           "--vanished-after",
                                           "90",
                                           "--hang-after",
                                           "30"});
    CHECK_FALSE(options.embedded_broker);
    CHECK(options.worker.brokers.text() == "tcp://10.0.0.1:7000");
    CHECK(options.worker.http.host == "::1");
    CHECK(options.workers == 3);
    CHECK(options.worker.name == "web");
    CHECK(options.worker.connections_max == 10);
    CHECK(options.worker.slow.bytes_max == 2048);
    CHECK(options.worker.slow.policy == connection::SlowPolicy::kDropOldest);
    CHECK(options.worker.slow.patience == 7s);
    CHECK(options.worker.slow.burst_bytes_max == 100'000);
    CHECK(options.worker.slow.sum_bytes_max == 2'000'000);
    CHECK(options.worker.kernel_bytes == 200'000);
    CHECK(options.worker.requests.deadline == 500ms);
    CHECK(options.worker.requests.bytes_max == 8'388'608);
    CHECK(options.worker.vanished_max == 90s);
    CHECK(options.hang_after == 30s);
}

TEST_CASE("a worker gets its supervisor's options", "[options]") {
    Parsed supervisor({"--broker",
                       "tcp://10.0.0.1:7000",
                       "--http",
                       "[::1]:80",
                       "--workers",
                       "3",
                       "--name",
                       "web",
                       "--max-streams",
                       "10",
                       "--stream-buffer",
                       "2048",
                       "--request-deadline-ms",
                       "500",
                       "--request-memory",
                       "9000000",
                       "--vanished-after",
                       "90",
                       "--pin",
                       "--per-address",
                       "0",
                       "--slow-streams",
                       "latest-only",
                       "--cors-origin",
                       "https://a.example",
                       "--cors-origin",
                       "https://b.example",
                       "--http-name",
                       "a.example",
                       "--http-name",
                       "*.b.example"});
    supervisor.line.settle();
    supervisor.line.options().worker.own_names = {"web", "web.example"}; // as if found out
    std::vector<std::string> arguments = supervisor.line.worker_arguments({2, 4711});
    CHECK(arguments.front() == "zcomet-webnode");
    arguments.erase(arguments.begin());
    Parsed worker(arguments);
    worker.line.settle();
    CHECK(worker.line.role().index == 2);
    CHECK(worker.line.role().supervisor == 4711);
    const worker::WorkerOptions& told = supervisor.line.options().worker;
    const worker::WorkerOptions& heard = worker.line.options().worker;
    CHECK(heard.brokers.brokers == told.brokers.brokers);
    CHECK_FALSE(worker.line.options().embedded_broker);
    CHECK(heard.http.text() == "[::1]:80");
    CHECK(heard.name == "web");
    CHECK(heard.connections_max == 10);
    CHECK(heard.per_address == 0U);
    CHECK(worker.line.options().pin);
    CHECK(heard.slow.bytes_max == 2048);
    CHECK(heard.slow.policy == connection::SlowPolicy::kLatestOnly);
    CHECK(heard.requests.deadline == 500ms);
    CHECK(heard.requests.bytes_max == 9'000'000);
    CHECK(heard.vanished_max == 90s);
    CHECK(heard.cors_origins == std::vector<std::string>{"https://a.example", "https://b.example"});
    CHECK(heard.http_names == std::vector<std::string>{"a.example", "*.b.example"});
    CHECK(heard.own_names == std::vector<std::string>{"web", "web.example"});
}

TEST_CASE("a worker gets what the supervisor has found out", "[options]") {
    Parsed supervisor({"--broker", "tcp://10.0.0.1:7000", "--http", "127.0.0.1:0"});
    supervisor.line.settle();
    supervisor.line.options().worker.http.port = 4321;
    supervisor.line.options().worker.name = "here:4321";
    supervisor.line.options().worker.is_http_local = true;
    const auto arguments = supervisor.line.worker_arguments({1, 1});
    CHECK_THAT(arguments, Catch::VectorContains(std::string("--http=127.0.0.1:4321")));
    CHECK_THAT(arguments, Catch::VectorContains(std::string("--name=here:4321")));
    Parsed worker({arguments.begin() + 1, arguments.end()});
    worker.line.settle();
    CHECK(worker.line.options().worker.is_http_local);
    CHECK_FALSE(worker.line.options().worker.is_api_local);
}

TEST_CASE("only the API that comes by itself is one that nobody asked for", "[options]") {
    CHECK(settle({"--demo-page"}).worker.is_api_unasked);
    CHECK(settle({"--demo-page"}).worker.demo_page);
    CHECK_FALSE(settle({"--api", "127.0.0.1:8008"}).worker.is_api_unasked);
    CHECK_FALSE(settle({"--broker", "tcp://10.0.0.1:7000"}).worker.is_api_unasked);
    CHECK_FALSE(settle({}).worker.demo_page);
}

TEST_CASE("the cluster file fills in options that were not given", "[options]") {
    const std::string file = written("[[host]]\nname = \"here\"\naddress = \"10.0.0.9\"\n"
                                     "[[broker]]\nhost = \"here\"\n"
                                     "[[webnode]]\nhost = \"here\"\nname = \"web1\"\n"
                                     "http_port = 81\nworkers = 4\nadmin = \"127.0.0.1:9\"\n");
    const std::vector<std::string> cluster{"--cluster", file, "--node", "web1"};
    const WebNodeOptions from_file = settle(cluster);
    CHECK_FALSE(from_file.embedded_broker);
    CHECK(from_file.worker.brokers.text() == "tcp://10.0.0.9:5555");
    CHECK(from_file.worker.feed_hosts == std::vector<std::string>{"10.0.0.9"});
    CHECK(from_file.worker.http.text() == "10.0.0.9:81");
    CHECK(from_file.worker.name == "web1");
    CHECK(from_file.workers == 4);
    CHECK(from_file.admin.text() == "127.0.0.1:9");
    std::vector<std::string> given = cluster;
    // Also for options that are given their defaults.
    given.insert(given.end(), {"--broker=tcp://10.0.0.1:1", "--http=0.0.0.0:8000", "--name=mine",
                               "--workers=1", "--admin=[::1]:9"});
    const WebNodeOptions mine = settle(given);
    CHECK(mine.worker.brokers.text() == "tcp://10.0.0.1:1");
    CHECK(mine.worker.http.text() == "0.0.0.0:8000");
    CHECK(mine.worker.name == "mine");
    CHECK(mine.workers == 1);
    CHECK(mine.admin.text() == "[::1]:9");
    std::filesystem::remove(file);
}

TEST_CASE("the settings in effect are one line, without what is for workers", "[options]") {
    Parsed parsed({"--workers", "2"});
    parsed.line.settle();
    CHECK(parsed.line.table().settings() ==
          "broker=tcp://127.0.0.1:5555 replicas=2 failover_ms=1000 key=- http=127.0.0.1:8000 "
          "cors_origin=- "
          "api=127.0.0.1:8008 "
          "demo_page=false history=- admin=- http_name=- trust_proxy=- proxy_protocol=false "
          "cluster=- node=- "
          "workers=2 "
          "pin=false name=- max_streams=- per_address=- stream_buffer=65536 slow_streams=close "
          "slow_after=5 stream_burst=16777216 stream_memory=134217728 kernel_buffer=262144 "
          "request_deadline_ms=10000 request_memory=67108864 vanished_after=60 stream_heartbeat=25 "
          "tell_gaps=all without_broker=refuse hang_after=10 user=- drain_grace=5 drain_seconds=30 "
          "access_log=0 auth=by-address "
          "api_auth=by-address token_keys=- token_issuer=- token_audience=- token_leeway=5s "
          "token_cookie=zcomet_token auth_hook=- auth_hook_timeout=2s tls_cert=- tls_key=-");
}

TEST_CASE("words stand for what happens to streams that a broker's absence concerns", "[options]") {
    const worker::WorkerOptions by_default = settle({}).worker;
    CHECK(by_default.tell_gaps);
    CHECK(by_default.without_broker == worker::WithoutBroker::kRefuse);
    const worker::WorkerOptions other =
        settle({"--tell-gaps", "none", "--without-broker", "accept"}).worker;
    CHECK_FALSE(other.tell_gaps);
    CHECK(other.without_broker == worker::WithoutBroker::kAccept);
    CHECK(settle({"--tell-gaps", "all"}).worker.tell_gaps);
    CHECK_THROWS_WITH(settle({"--tell-gaps", "some"}), Contains("some"));
    CHECK_THROWS_WITH(settle({"--without-broker", "none"}), Contains("none"));
}

TEST_CASE("limits are read again, and workers get them", "[options]") {
    Parsed running({"--per-address", "5", "--max-streams", "10", "--workers", "2"});
    running.line.settle();
    running.line.options().worker.http.port = 8001; // as a supervisor does
    Parsed again({"--max-streams", "20", "--slow-streams", "latest-only", "--workers", "3"});
    again.line.settle();
    const auto changes = running.line.table().take_changes(again.line.table());
    CHECK(changes.taken == "max_streams=20 per_address=- slow_streams=latest-only");
    CHECK(changes.not_taken == "workers");
    const WebNodeOptions& options = running.line.options();
    CHECK(options.worker.connections_max == 20);
    CHECK(options.worker.per_address == std::nullopt);
    CHECK(options.worker.slow.policy == connection::SlowPolicy::kLatestOnly);
    CHECK(options.workers == 2);
}

TEST_CASE("mistakes are named", "[options]") {
    const std::string broker = "--broker=tcp://127.0.0.1:1";
    CHECK_THROWS_WITH(settle({broker, broker}), Contains("was named before"));
    CHECK_THROWS_WITH(settle({broker, "--history", "a=1,1s"}), Contains("--history"));
    CHECK_THROWS_WITH(settle({"--broker", "nonsense"}), Contains("nonsense"));
    CHECK_THROWS_WITH(settle({"--broker", "tcp://127.0.0.1:0"}), Contains("port"));
    CHECK_THROWS_WITH(settle({broker, "--http", "8000"}), Contains("8000"));
    CHECK_THROWS_WITH(settle({broker, "--admin", "x"}), Contains("\"x\""));
    CHECK_THROWS_WITH(settle({broker, "--name", "two words"}), Contains("--name"));
    CHECK_THROWS_WITH(settle({broker, "--name", std::string(57, 'n')}), Contains("--name"));
    CHECK_THROWS_WITH(settle({"--cluster", "file"}), Contains("--node"));
    CHECK_THROWS_WITH(settle({"--node", "web1"}), Contains("--cluster"));
    CHECK_THROWS_WITH(settle({"--cluster", "/nonexistent", "--node", "web1"}),
                      Contains("/nonexistent"));
    CHECK_THROWS_AS(settle({"--workers", "0"}), CLI::ValidationError);
    CHECK_THROWS_AS(settle({"--stream-buffer", "1"}), CLI::ValidationError);
    CHECK_THROWS_AS(settle({"--slow-streams", "drop"}), CLI::ValidationError);
    CHECK_THROWS_AS(settle({"--per-address", "-1"}), CLI::ValidationError);
    CHECK_THROWS_AS(settle({"--per-address", "many"}), CLI::ValidationError);
    CHECK_THROWS_AS(settle({"--per-address", "100000001"}), CLI::ValidationError);
    CHECK(settle({"--per-address", "0"}).worker.per_address == 0U);
    CHECK_FALSE(settle({}).worker.per_address);
    CHECK_THROWS_AS(settle({"--kernel-buffer", "131071"}), CLI::ValidationError);
    CHECK(settle({"--kernel-buffer", "0"}).worker.kernel_bytes == 0);
    CHECK(settle({"--kernel-buffer", "131072"}).worker.kernel_bytes == 131'072);
    CHECK_THROWS_AS(settle({"--bogus"}), CLI::ExtrasError);
}

TEST_CASE("a web node of which nothing is said stays on this machine", "[options]") {
    const std::string secret = written("a secret of thirty-two bytes, it is\n");
    for (const std::string said : {"--auth=public", "--auth=token"}) {
        CHECK(settle({said}).worker.http.text() == "*:8000");
    }
    CHECK(settle({"--token-keys=" + secret}).worker.http.text() == "*:8000");
    CHECK(settle({"--api-auth=token"}).worker.http.text() == "127.0.0.1:8000");
    CHECK(settle({"--http=*:80"}).worker.http.text() == "*:80");
}

TEST_CASE("rules for tokens, and their keys", "[options]") {
    const std::string secret = written("a secret of thirty-two bytes, it is\n");
    const WebNodeOptions options =
        settle({"--auth=token", "--token-keys=" + secret, "--token-leeway=1m", "--token-issuer=me",
                "--token-audience=you", "--token-cookie=-"});
    CHECK(options.worker.auth == worker::Who::kToken);
    CHECK(options.worker.api_auth == worker::Who::kByAddress);
    CHECK(options.worker.token_rules.leeway == 60s);
    CHECK(options.worker.token_rules.issuer == "me");
    CHECK(options.worker.token_rules.audience == "you");
    CHECK(options.worker.token_cookie.empty());
    CHECK(worker::keys_of(options.worker.token_keys).size() == 1);
    CHECK(settle({"--api-auth=token", "--token-keys", secret, "--token-keys", secret})
              .token_key_files.size() == 2);
    CHECK_THROWS_WITH(settle({"--auth=token", "--token-keys=" + written("short")}),
                      Contains("32 to 1024 bytes"));
    CHECK_THROWS_WITH(settle({"--auth=hook"}), Contains("belong together"));
    CHECK_THROWS_WITH(settle({"--auth-hook=http://127.0.0.1:9/"}), Contains("belong together"));
    CHECK_THROWS_AS(settle({"--token-leeway=2d"}), CLI::ParseError);
    CHECK_THROWS_AS(settle({"--token-cookie=a=b"}), CLI::ParseError);
    CHECK(settle({}).worker.token_rules.leeway == 5s);
    CHECK(settle({}).worker.token_cookie == "zcomet_token");
}

TEST_CASE("workers get keys as a secret, and the rules in their command line", "[options]") {
    const std::string text = "a secret of thirty-two bytes, it is";
    const std::string file = written(text);
    Parsed parsed({"--auth=token", "--token-keys=" + file, "--token-leeway=0s"});
    parsed.line.settle();
    std::string arguments;
    std::vector<std::string> words = parsed.line.worker_arguments({1, 2});
    for (const std::string& word : words) {
        arguments += word + " ";
    }
    CHECK_THAT(arguments, Contains("--auth=token") && Contains("--token-leeway=0s"));
    CHECK(arguments.find(file) == std::string::npos);
    CHECK(arguments.find(parsed.line.options().worker.token_keys) == std::string::npos);
    CHECK(parsed.line.table().settings().find(text) == std::string::npos);

    words.erase(words.begin()); // the program's name
    Parsed in_worker(words);
    in_worker.line.settle();
    in_worker.line.take_secrets(parsed.line.table().secrets().get());
    CHECK(in_worker.line.options().worker.auth == worker::Who::kToken);
    CHECK(in_worker.line.options().worker.token_rules.leeway == 0s);
    CHECK(worker::keys_of(in_worker.line.options().worker.token_keys).size() == 1);
}

TEST_CASE("keys of all files together have a bound, and a secret is nobody else's", "[options]") {
    const std::string secret = written("a secret of thirty-two bytes, it is");
    CHECK_THROWS_WITH(settle([&] {
                          std::vector<std::string> arguments{"--auth=token"};
                          for (int n = 0; n < 17; ++n) {
                              arguments.push_back("--token-keys=" + secret);
                          }
                          return arguments;
                      }()),
                      Contains("at most 16 keys"));
    std::filesystem::permissions(secret, std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    CHECK_THROWS_WITH(settle({"--auth=token", "--token-keys=" + secret}),
                      Contains("others may read"));
}

} // namespace options_test
