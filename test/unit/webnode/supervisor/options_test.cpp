#include "topology/program/program.hpp"
#include "webnode/supervisor/options.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::supervisor;
using Catch::Matchers::Contains;

namespace {

/// `arguments` without the program's name.
CommandLine parse(std::vector<std::string> arguments) {
    CLI::App app("test", "zcomet-webnode");
    CommandLine line;
    program::add_common_options(app);
    add_web_node_options(app, line);
    std::reverse(arguments.begin(), arguments.end()); // as CLI11 wants it
    app.parse(arguments);
    return line;
}

WebNodeOptions settle(const std::vector<std::string>& arguments) {
    return settle_options(parse(arguments));
}

} // namespace

TEST_CASE("without options a web node brings its own broker", "[options]") {
    const WebNodeOptions options = settle({});
    CHECK(options.embedded_broker);
    CHECK(options.broker == kEmbeddedBroker);
    CHECK(options.http.text() == "0.0.0.0:8000");
    CHECK(options.workers == 1);
    CHECK(options.admin.empty());
    CHECK(options.slow_streams == connection::SlowPolicy::kClose);
}

TEST_CASE("options mean what they say", "[options]") {
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
                                           "--request-deadline-ms",
                                           "500",
                                           "--vanished-after",
                                           "90",
                                           "--hang-after",
                                           "30"});
    CHECK_FALSE(options.embedded_broker);
    CHECK(options.broker == "tcp://10.0.0.1:7000");
    CHECK(options.http.host == "::1");
    CHECK(options.workers == 3);
    CHECK(options.name == "web");
    CHECK(options.streams_max == 10);
    CHECK(options.stream_buffer_bytes == 2048);
    CHECK(options.slow_streams == connection::SlowPolicy::kDropOldest);
    CHECK(options.request_deadline_ms == 500);
    CHECK(options.vanished_seconds == 90);
    CHECK(options.hang_seconds == 30);
}

TEST_CASE("a worker is told what its supervisor was told", "[options]") {
    WebNodeOptions told =
        settle({"--broker", "tcp://10.0.0.1:7000", "--http", "[::1]:80", "--workers", "3", "--name",
                "web", "--max-streams", "10", "--stream-buffer", "2048", "--request-deadline-ms",
                "500", "--vanished-after", "90", "--pin", "--slow-streams", "latest-only"});
    std::vector<std::string> arguments = worker_arguments(told, {2, 4711});
    CHECK(arguments.front() == "zcomet-webnode");
    arguments.erase(arguments.begin());
    const CommandLine line = parse(arguments);
    CHECK(line.role.index == 2);
    CHECK(line.role.supervisor == 4711);
    const WebNodeOptions heard = settle_options(line);
    CHECK(heard.broker == told.broker);
    CHECK_FALSE(heard.embedded_broker);
    CHECK(heard.http.text() == told.http.text());
    CHECK(heard.name == told.name);
    CHECK(heard.streams_max == told.streams_max);
    CHECK(heard.pin);
    CHECK(heard.stream_buffer_bytes == told.stream_buffer_bytes);
    CHECK(heard.slow_streams == connection::SlowPolicy::kLatestOnly);
    CHECK(heard.request_deadline_ms == told.request_deadline_ms);
    CHECK(heard.vanished_seconds == told.vanished_seconds);
}

TEST_CASE("mistakes are named", "[options]") {
    const std::string broker = "--broker=tcp://127.0.0.1:1";
    CHECK_THROWS_WITH(settle({broker, broker}), Contains("2 times"));
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
    CHECK_THROWS_AS(parse({"--workers", "0"}), CLI::ValidationError);
    CHECK_THROWS_AS(parse({"--stream-buffer", "1"}), CLI::ValidationError);
    CHECK_THROWS_AS(parse({"--slow-streams", "drop"}), CLI::ValidationError);
    CHECK_THROWS_AS(parse({"--bogus"}), CLI::ExtrasError);
}
