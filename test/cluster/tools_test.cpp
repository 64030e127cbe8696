// The tools against a real cluster: the streams see what the tools say they did.
#include "test/support/cluster.hpp"
#include "test/support/files.hpp"
#include "test/support/programs.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <numeric>
#include <sstream>

namespace tools_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

Cluster one_web_node(unsigned workers = 1) {
    return Cluster({.web_nodes = 1, .workers = workers});
}

std::vector<std::string> with_broker(const Cluster& cluster, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--broker", cluster.broker_endpoint()});
    return arguments;
}

Finished ctl(const Cluster& cluster, std::vector<std::string> arguments) {
    return run(path_of("zcomet-ctl"), with_broker(cluster, std::move(arguments)));
}

/// The same by a shell: `before` and `after` are what stands around the command.
Finished ctl_in_shell(const Cluster& cluster, const std::string& before,
                      const std::string& arguments, const std::string& after) {
    return run("/bin/sh", {"-c", before + " " + path_of("zcomet-ctl") + " --broker " +
                                     cluster.broker_endpoint() + " " + arguments + " " + after});
}

Finished msggen(const Cluster& cluster, std::vector<std::string> arguments) {
    return run(path_of("zcomet-msggen"), with_broker(cluster, std::move(arguments)), 60s);
}

std::map<std::string, std::size_t> read_sent(const std::string& path) {
    std::map<std::string, std::size_t> sent;
    std::istringstream lines(read_file(path));
    std::string id;
    for (std::size_t count = 0; lines >> id >> count;) {
        sent[id] = count;
    }
    return sent;
}

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

std::string url_of(const Cluster& cluster, std::size_t web_node) {
    return "http://" + cluster.http(web_node).text() + "/test/{id}";
}

} // namespace

TEST_CASE("msggen's messages arrive, as many for each id as it reports") {
    Cluster cluster;
    const TemporaryFolder folder;
    std::map<std::string, std::vector<CometClient>> streams;
    for (const char* id : {"1", "2", "3", "4", "5"}) {
        streams[id].push_back(cluster.open_stream(0, id));
        streams[id].push_back(cluster.open_stream(1, id));
    }
    const Finished finished = msggen(cluster, {"--count", "20", "--interval", "10", "--max", "5",
                                               "--seed", "1", "--sent", folder.path("sent")});
    REQUIRE(finished.status == 0);
    const auto sent = read_sent(folder.path("sent"));
    std::size_t total = 0;
    for (auto& [id, both] : streams) {
        const std::size_t count = sent.contains(id) ? sent.at(id) : 0;
        total += count;
        for (CometClient& stream : both) {
            REQUIRE(stream.await_chunks(count).size() == count);
            for (std::size_t n = 1; n <= count; ++n) {
                const std::string start =
                    "Recvd msg #" + std::to_string(n) + ": 'Fake message Num = ";
                CHECK(stream.chunks()[n - 1].starts_with(start));
            }
        }
    }
    CHECK(total == 20);
    CHECK(ctl(cluster, {"ping"}).status == 0);
    for (auto& [id, both] : streams) {
        for (CometClient& stream : both) {
            stream.poll_now();
            CHECK(stream.chunks().size() == (sent.contains(id) ? sent.at(id) : 0));
        }
    }
}

TEST_CASE("msggen sends the same with the same seed") {
    Cluster cluster = one_web_node();
    const TemporaryFolder folder;
    std::vector<std::string> files;
    for (const char* seed : {"7", "7", "8"}) {
        files.push_back(folder.path("sent-" + std::to_string(files.size())));
        REQUIRE(msggen(cluster, {"--count", "200", "--interval", "0", "--max", "50", "--seed", seed,
                                 "--sent", files.back()})
                    .status == 0);
    }
    CHECK(read_sent(files[0]) == read_sent(files[1]));
    CHECK(read_sent(files[0]) != read_sent(files[2]));
}

TEST_CASE("msggen says how many messages went to nobody") {
    Cluster cluster = one_web_node();
    const CometClient stream = cluster.open_stream(0, "1");
    const Finished lost =
        msggen(cluster, {"--count", "20", "--interval", "0", "--max", "1", "--first-id", "2"});
    CHECK(lost.status == 0);
    CHECK(lost.output.find("all messages went to nobody") != std::string::npos);
    const Finished some = msggen(
        cluster, {"--count", "200", "--interval", "0", "--max", "2", "--seed", "1", "--json"});
    const auto report = nlohmann::json::parse(some.output);
    CHECK(report.at("void") > 0);
    CHECK(report.at("void") < 200);
    const Finished none = msggen(cluster, {"--count", "20", "--interval", "0", "--max", "1"});
    CHECK(none.output.find("nobody") == std::string::npos);
}

TEST_CASE("msggen says that a broker refuses it, not that it does not answer") {
    const std::string any = "tcp://" + own_address() + ":*";
    const ReadyProgram broker("zcomet-broker",
                              {"--listen", any, "--feed", any, "--peers-max", "1"});
    const std::vector<std::string> arguments{
        "--broker", broker.field("listen"), "--count", "1000", "--interval", "1000", "--max", "1"};
    Process first(path_of("zcomet-msggen"), arguments);
    REQUIRE(first.await_log("event=welcomed"));
    Process second(path_of("zcomet-msggen"), arguments);
    REQUIRE(second.await_log("event=refused reason=overloaded"));
    CHECK(second.await_log("event=broker-refuses"));
    CHECK_FALSE(second.await_log("event=broker-unreachable", 1, 0ms));
}

TEST_CASE("msggen that is stopped was as late as its last message") {
    Cluster cluster = one_web_node();
    Process generator(path_of("zcomet-msggen"),
                      with_broker(cluster, {"--count", "1000", "--interval", "100", "--max", "1",
                                            "--json", "--quiet"}));
    REQUIRE(eventually(
        [&] { return cluster.query("stats").at("counters").at("messages_in").get<int>() >= 3; }));
    generator.signal(SIGINT);
    CHECK(generator.wait() == 128 + SIGINT);
    generator.await_end_of_output();
    const auto report = nlohmann::json::parse(generator.output());
    CHECK(report.at("late_ms") <= report.at("late_ms_max"));
    CHECK(report.at("behind_schedule") == false);
}

TEST_CASE("several generators side by side each say that they finished") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "1");
    const Finished finished =
        msggen(cluster, {"--count", "50", "--interval", "1", "--max", "1", "--processes", "10"});
    REQUIRE(finished.status == 0);
    std::size_t finished_lines = 0;
    for (const std::string& line : split(finished.output, '\n')) {
        finished_lines += line.find("finished") != std::string::npos ? 1U : 0U;
    }
    CHECK(finished_lines == 10);
    CHECK(stream.await_chunks(500).size() == 500);
    stream.poll_now();
    CHECK(stream.chunks().size() == 500);
}

TEST_CASE("msggen sends the given text, size and stamp") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "1");
    REQUIRE(msggen(cluster, {"--count", "1", "--interval", "0", "--max", "1", "--message", "hi"})
                .status == 0);
    REQUIRE(msggen(cluster,
                   {"--count", "1", "--interval", "0", "--max", "1", "--size", "1000", "--stamp"})
                .status == 0);
    const auto& chunks = stream.await_chunks(2);
    REQUIRE(chunks.size() == 2);
    CHECK(chunks[0] == comet_chunk(1, "hi"));
    CHECK(chunks[1].size() == comet_chunk(2, std::string(1000, 'x')).size());
    CHECK(chunks[1].find(" ts=") != std::string::npos);
}

TEST_CASE("as fast as the broker takes them, nothing is lost") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "1");
    constexpr std::size_t kMessages = 50'000;
    Process generator(path_of("zcomet-msggen"),
                      with_broker(cluster, {"--count", std::to_string(kMessages), "--interval", "0",
                                            "--max", "1", "--quiet"}));
    CHECK(stream.await_chunks(kMessages, 60s).size() == kMessages);
    CHECK(generator.wait() == 0);
    CHECK(stream.chunks().back().starts_with("Recvd msg #50000: "));
}

TEST_CASE("floodtest opens 2000 streams, and sees every message and how long it took") {
    constexpr std::size_t kStreams = 2000;
    constexpr std::size_t kMessages = 4000;
    Cluster cluster = one_web_node(2);
    Process flood(path_of("zcomet-floodtest"), {"--connections", std::to_string(kStreams), "--rate",
                                                "0", "--url", url_of(cluster, 0), "--json"});
    REQUIRE(flood.await_log("Stats: {2000,0,0}", 1, 60s));
    REQUIRE(eventually([&] { return cluster.query("stats").at("ids") == kStreams; }));
    const Finished sent =
        msggen(cluster, {"--count", std::to_string(kMessages), "--interval", "0.5", "--max",
                         std::to_string(kStreams), "--stamp", "--quiet"});
    REQUIRE(sent.status == 0);
    CHECK(flood.await_log("Stats: {2000,0," + std::to_string(kMessages) + "}"));
    flood.signal(SIGINT);
    REQUIRE(flood.wait() == 0);
    flood.await_end_of_output();
    const auto result = nlohmann::json::parse(flood.output());
    CHECK(result.at("connected") == kStreams);
    CHECK(result.at("closed") == 0);
    CHECK(result.at("chunks") == kMessages);
    CHECK(result.at("latency_ns").at("count") == kMessages);
    CHECK(result.at("passed") == true);
}

TEST_CASE("floodtest counts the streams that the other side closes") {
    Cluster cluster = one_web_node();
    Process flood(path_of("zcomet-floodtest"),
                  {"--connections", "50", "--rate", "0", "--url", url_of(cluster, 0)});
    REQUIRE(flood.await_line("Stats: {50,0,0}"));
    cluster.web_node(0).signal(SIGKILL);
    CHECK(flood.await_line("Stats: {0,50,0}"));
    flood.signal(SIGINT);
    CHECK(flood.wait() == 1);
}

TEST_CASE("memlog writes a line each interval: date, seconds, resident KB, connections, PSS") {
    Cluster cluster = one_web_node(2);
    const TemporaryFolder folder;
    std::vector<CometClient> streams;
    streams.reserve(7);
    for (int i = 0; i < 7; ++i) {
        streams.push_back(cluster.open_stream(0, std::to_string(i)));
    }
    Process memlog(path_of("zcomet-memlog"), {"--pid", std::to_string(cluster.web_node(0).pid()),
                                              "--interval", "0.2", "--out", folder.path("log")});
    REQUIRE(eventually([&] { return split(read_file(folder.path("log")), '\n').size() >= 3; }));
    memlog.signal(SIGTERM);
    CHECK(memlog.wait() == 0);
    for (const std::string& line : split(read_file(folder.path("log")), '\n')) {
        INFO(line);
        const auto columns = split(line, '\t');
        REQUIRE(columns.size() == 5);
        CHECK(std::stoul(columns[1]) > 1'000'000'000);
        CHECK(std::stoul(columns[2]) > 1000);
        CHECK(columns[3] == "7");
        CHECK(std::stoul(columns[4]) > 100);
    }
}

TEST_CASE("memlog of a process that is gone says so") {
    const Finished finished = run(path_of("zcomet-memlog"), {"--pid", "4194304", "--out", "-"});
    CHECK(finished.status > 0);
    CHECK(finished.log.find("4194304") != std::string::npos);
}

TEST_CASE("memlog says in one line that there is no admin page") {
    const std::string nobody = own_address() + ":9";
    const Finished finished = run(path_of("zcomet-memlog"), {"--admin", nobody});
    CHECK(finished.status == 1);
    CHECK(finished.log.ends_with("\nzcomet-memlog: no answer from http://" + nobody +
                                 "/stats: there is no connection; has the web node an --admin page "
                                 "there?\n"));
}

TEST_CASE("memlog misses some answers of a web node, and ends when that is gone") {
    Cluster cluster = one_web_node();
    const std::string admin = cluster.admin(0);
    Process memlog(path_of("zcomet-memlog"), {"--admin", "http://" + admin, "--interval", "0.1"});
    REQUIRE(eventually([&] { return !memlog.output().empty(); }));
    cluster.web_node(0).signal(SIGTERM);
    CHECK(memlog.wait() == 1);
    memlog.await_end_of_output();
    const std::string sentence = "no answer from http://" + admin +
                                 "/stats: there is no connection; has the web node an --admin page "
                                 "there?";
    CHECK(memlog.log().find("event=no-sample why=\"" + sentence + "\", ignoring\n") !=
          std::string::npos);
    CHECK(memlog.log().ends_with("zcomet-memlog: " + sentence + "\n"));
}

TEST_CASE("ctl lists the nodes, as a table and as JSON") {
    Cluster cluster;
    const CometClient here = cluster.open_stream(0, "123");
    const CometClient there = cluster.open_stream(0, "456");
    const CometClient second = open_stream(cluster.http(0), "456");
    ReadyProgram last("zcomet-webnode", {"--broker", cluster.broker_endpoint(), "--http",
                                         own_address() + ":0", "--name", "0"});
    const Finished json = ctl(cluster, {"nodes", "--json"});
    REQUIRE(json.status == 0);
    const auto nodes = nlohmann::json::parse(json.output);
    REQUIRE(nodes.size() == 3);
    CHECK(nodes[0].at("name") == "0/1"); // sorted, though it came last
    const auto& a = nodes[1];
    CHECK(a.at("name") == "a/1");
    CHECK(a.at("ids") == 2);
    CHECK(a.at("live") == true);
    CHECK(eventually([&] {
        for (const auto& node : cluster.query("nodes")) {
            if (node.at("name") == "a/1" && node.at("streams") == 3) {
                return true;
            }
        }
        return false;
    }));
    const Finished table = ctl(cluster, {"nodes"});
    REQUIRE(table.status == 0);
    const auto lines = split(table.output, '\n');
    REQUIRE(lines.size() == 4);
    CHECK(lines[0].starts_with("NAME"));
    for (const char* column : {"STATE", "HEARD", "BEHIND", "ROOM"}) {
        CHECK(lines[0].find(column) != std::string::npos);
    }
    CHECK(lines[1].starts_with("0/1"));
    CHECK(lines[2].starts_with("a/1"));
    CHECK(lines[3].starts_with("b/1"));
    last.process().signal(SIGTERM);
    CHECK(last.process().wait(5s) == 0);
}

TEST_CASE("ctl pings, sends, and says who holds an id") {
    Cluster cluster;
    CometClient here = cluster.open_stream(0, "123");
    CometClient there = cluster.open_stream(1, "123");
    CHECK(ctl(cluster, {"ping"}).output.starts_with("pong from " + cluster.broker_endpoint()));
    const Finished sent = ctl(cluster, {"send", "123", "hello there"});
    CHECK(sent.status == 0);
    CHECK(sent.output.find("2 nodes") != std::string::npos);
    for (CometClient* stream : {&here, &there}) {
        REQUIRE(stream->await_chunks(1).size() == 1);
        CHECK(stream->chunks()[0] == comet_chunk(1, "hello there"));
    }
    CHECK(ctl(cluster, {"send", "456", "lost"}).output.find("void") != std::string::npos);
    CHECK(split(ctl(cluster, {"who", "123"}).output, '\n') ==
          std::vector<std::string>{"a/1", "b/1"});
    const auto stats = nlohmann::json::parse(ctl(cluster, {"stats", "--json"}).output);
    CHECK(stats.at("nodes") == 2);
    CHECK(stats.at("ids") == 1);
    CHECK(stats.at("counters").is_object());
    CHECK(ctl(cluster, {"stats"}).output.find("uptime") != std::string::npos);
}

TEST_CASE("ctl sends whatever follows the id") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "123");
    CHECK(ctl(cluster, {"send", "123", "-hello"}).output.find("held by 1 node") !=
          std::string::npos);
    CHECK(ctl(cluster, {"send", "123", "two", "--json"}).status == 0);
    REQUIRE(stream.await_chunks(2).size() == 2);
    CHECK(stream.chunks()[0] == comet_chunk(1, "-hello"));
    CHECK(stream.chunks()[1] == comet_chunk(2, "two --json"));
    const Finished nothing = ctl(cluster, {"send", "123"});
    CHECK(nothing.status == 2);
    CHECK(nothing.log.find("wants a message") != std::string::npos);
}

TEST_CASE("ctl send --ack says at how many nodes a message has arrived") {
    Cluster cluster;
    CometClient here = cluster.open_stream(0, "123");
    CometClient there = cluster.open_stream(1, "123");
    CHECK(ctl(cluster, {"send", "--ack", "123", "hi"}).output ==
          "sent to 123: arrived at 2 nodes\n");
    const auto json =
        nlohmann::json::parse(ctl(cluster, {"--json", "send", "--ack", "456", "hi"}).output);
    CHECK(json == nlohmann::json({{"id", "456"}, {"nodes", 0}, {"acknowledged", true}}));
    CHECK(here.await_chunks(1).size() == 1);
    CHECK(there.await_chunks(1).size() == 1);
}

TEST_CASE("ctl sends the lines of standard input") {
    Cluster cluster = one_web_node();
    CometClient one = cluster.open_stream(0, "1");
    CometClient two = cluster.open_stream(0, "2");
    CHECK(ctl_in_shell(cluster, "printf '1 a b\\n2 c\\n1 -h' |", "send -", "").output ==
          "sent to 1: held by 1 node\nsent to 2: held by 1 node\nsent to 1: held by 1 node\n");
    CHECK(ctl_in_shell(cluster, "printf 'd e\\n\\n' |", "--json send --ack 2 -", "").status == 0);
    REQUIRE(one.await_chunks(2).size() == 2);
    CHECK(one.chunks()[0] == comet_chunk(1, "a b"));
    CHECK(one.chunks()[1] == comet_chunk(2, "-h"));
    REQUIRE(two.await_chunks(3).size() == 3);
    CHECK(two.chunks()[1] == comet_chunk(2, "d e"));
    CHECK(two.chunks()[2] == comet_chunk(3, ""));
    const Finished wrong = ctl_in_shell(cluster, "printf '1 f\\nno/id x\\n1 g\\n' |", "send -", "");
    CHECK(wrong.status == 1);
    CHECK(wrong.log.find("line 2: ") != std::string::npos);
    CHECK(one.await_chunks(3).size() == 3);
    one.poll_now();
    CHECK(one.chunks().size() == 3);
}

TEST_CASE("ctl can fail if nobody has the id") {
    Cluster cluster = one_web_node();
    const CometClient stream = cluster.open_stream(0, "123");
    CHECK(ctl(cluster, {"send", "456", "lost"}).status == 0);
    CHECK(ctl(cluster, {"who", "456"}).status == 0);
    CHECK(ctl(cluster, {"send", "--fail-if-nobody", "456", "lost"}).status == 3);
    CHECK(ctl(cluster, {"send", "--ack", "--fail-if-nobody", "456", "lost"}).status == 3);
    CHECK(ctl(cluster, {"who", "--fail-if-nobody", "456"}).status == 3);
    CHECK(ctl(cluster, {"send", "--fail-if-nobody", "123", "found"}).status == 0);
    CHECK(ctl(cluster, {"who", "--fail-if-nobody", "123"}).status == 0);
    const std::string lines = "printf '123 found\\n456 lost\\n123 found\\n' |";
    CHECK(ctl_in_shell(cluster, lines, "send --fail-if-nobody -", "").status == 3);
}

TEST_CASE("ctl whose output cannot be written says so and fails") {
    Cluster cluster = one_web_node();
    for (const char* const command : {"nodes", "--json stats", "send 1 x", "--help"}) {
        const Finished finished = ctl_in_shell(cluster, "", command, "> /dev/full");
        CHECK(finished.status == 1);
        CHECK(finished.log == "zcomet-ctl: cannot write to standard output: No space left on "
                              "device\n");
    }
}

TEST_CASE("ctl guesses the command that was meant") {
    const Finished finished = run(path_of("zcomet-ctl"), {"nodez"});
    CHECK(finished.status == 2);
    CHECK(finished.log ==
          "zcomet-ctl: there is no command \"nodez\"; did you mean nodes?; try --help\n");
}

TEST_CASE("ctl fails at once where nothing listens, as JSON, too") {
    const std::string host = GENERATE(own_address(), std::string("localhost"));
    const std::string nobody = "tcp://" + host + ":9";
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"nodes"}, {"ping"}, {"send", "1", "x"}}) {
        std::vector<std::string> arguments{"--broker", nobody, "--timeout", "3600", "--json"};
        arguments.insert(arguments.end(), command.begin(), command.end());
        const Finished finished = run(path_of("zcomet-ctl"), arguments);
        CHECK(finished.status == 1);
        const std::string sentence = "no broker listens at " + nobody +
                                     " (Connection refused); is zcomet-broker running there?";
        CHECK(finished.log == "zcomet-ctl: " + sentence + "\n");
        CHECK(nlohmann::json::parse(finished.output) == nlohmann::json({{"error", sentence}}));
    }
}

TEST_CASE("ctl says in one line that no broker answers") {
    const Cluster cluster({.web_nodes = 0});
    // The broker's other port listens, and answers no question.
    const Finished finished = run(
        path_of("zcomet-ctl"), {"--broker", cluster.feed_endpoint(), "--timeout", "0.3", "nodes"});
    CHECK(finished.status == 1);
    CHECK(finished.log == "zcomet-ctl: no broker answers at " + cluster.feed_endpoint() +
                              " within 300 ms; is zcomet-broker running there?\n");
}

} // namespace tools_test
