// The logs of single messages: those of msggen and floodtest agree after a run without faults, and
// any line that is missing, doubled or moved is found.
#include "test/support/cluster.hpp"
#include "test/support/files.hpp"
#include "test/support/programs.hpp"
#include "test/support/stats.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

namespace reconcile_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

constexpr std::size_t kIds = 50;
constexpr std::size_t kStreams = 2 * kIds;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        text.append(line).append("\n");
    }
    return text;
}

/// The index of the `count`-th line, from 0, that says that stream 5 got a message.
std::size_t arrival(const std::vector<std::string>& lines, std::size_t count) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].starts_with("got\t5\t") && count-- == 0) {
            return i;
        }
    }
    FAIL("stream 5 got too few messages");
    return 0;
}

Finished reconcile(const std::string& sent, const std::string& received) {
    // No grace: all streams were open and known from before the first message until after the last.
    return run(path_of("zcomet-ctl"), {"reconcile", "--json", "--grace", "0", sent, received}, 60s);
}

/// A cluster, and the load test against it.
struct Load {
    Cluster cluster{{.web_nodes = 1, .workers = 2}};
    Process flood;

    explicit Load(const std::string& log)
        : flood(path_of("zcomet-floodtest"),
                {"--connections", std::to_string(kStreams), "--ids", std::to_string(kIds), "--rate",
                 "0", "--processes", "3", "--json", "--log", log, "--url",
                 "http://" + cluster.http(0).text() + "/test/{id}"}) {
        REQUIRE(flood.await_log("zcomet-floodtest ready open=" + std::to_string(kStreams)));
        REQUIRE(eventually([&] { return cluster.query("stats").at("nodes") == 2; }));
        for (std::size_t id = 1; id <= kIds; ++id) {
            REQUIRE(
                eventually([&] { return cluster.holders(std::to_string(id)).value_or(0) > 0; }));
        }
        REQUIRE(eventually([&] { return ids_of_nodes() == ids_of_streams(); }));
    }
    /// Logins at the broker, and the number there should be.
    std::size_t ids_of_nodes() {
        std::size_t ids = 0;
        for (const auto& node : cluster.query("nodes")) {
            ids += node.at("ids").get<std::size_t>();
        }
        return ids;
    }
    std::size_t ids_of_streams() { return stat(cluster, 0, "ids"); }
    Finished send(const std::string& log, std::size_t count) {
        return run(path_of("zcomet-msggen"),
                   {"--broker", cluster.broker_endpoint(), "--count", std::to_string(count / 10),
                    "--processes", "10", "--interval", "1", "--max", std::to_string(kIds), "--seed",
                    "1", "--stamp", "--log", log, "--json"},
                   60s);
    }
    /// Ends the test once each stream has `messages` in all.
    int end_after(std::size_t messages) {
        CHECK(flood.await_log("Stats: {" + std::to_string(kStreams) + ",0," +
                              std::to_string(messages) + "}"));
        flood.signal(SIGINT);
        return flood.wait().value_or(-1);
    }
};

} // namespace

TEST_CASE("the logs of a run without faults agree, and altered ones do not") {
    constexpr std::size_t kMessages = 2000;
    const TemporaryFolder folder;
    const std::string sent = folder.path("sent");
    const std::string received = folder.path("received");
    Load load(received);
    REQUIRE(load.send(sent, kMessages).status == 0);
    REQUIRE(load.end_after(2 * kMessages) == 0);

    const Finished agree = reconcile(sent, received);
    INFO(agree.output << agree.log);
    REQUIRE(agree.status == 0);
    const auto all = nlohmann::json::parse(agree.output);
    CHECK(all.at("findings").empty());
    CHECK(all.at("totals").at("sent") == kMessages);
    CHECK(all.at("totals").at("received") == 2 * kMessages);
    CHECK(all.at("totals").at("streams") == kStreams);
    CHECK(all.at("totals").at("others") == 0);

    const std::vector<std::string> lines = lines_of(read_file(received));
    const auto verdict_of = [&](const std::vector<std::string>& doctored) {
        const Finished finished = reconcile(sent, folder.write("doctored", text_of(doctored)));
        CHECK(finished.status == 1);
        const auto json = nlohmann::json::parse(finished.output);
        REQUIRE(json.at("findings").size() == 1);
        CHECK(json.at("findings")[0].at("stream") == 5);
        CHECK(json.at("totals").at("balanced") == false);
        return json.at("findings")[0];
    };
    std::vector<std::string> removed = lines;
    removed.erase(removed.begin() + static_cast<std::ptrdiff_t>(arrival(lines, 1)));
    CHECK(verdict_of(removed).at("kind") == "missing");
    std::vector<std::string> doubled = lines;
    const std::size_t twice = arrival(lines, 2);
    doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(twice), lines[twice]);
    CHECK(verdict_of(doubled).at("kind") == "twice");
    std::vector<std::string> swapped = lines;
    std::swap(swapped[arrival(lines, 3)], swapped[arrival(lines, 4)]);
    CHECK(verdict_of(swapped).at("kind") == "out-of-order");

    std::vector<std::string> unlogged = lines_of(read_file(sent));
    REQUIRE(unlogged.size() == kMessages);
    unlogged.erase(unlogged.begin() + 7);
    const Finished unsent = reconcile(folder.write("unlogged", text_of(unlogged)), received);
    CHECK(unsent.status == 1);
    CHECK(nlohmann::json::parse(unsent.output).at("totals").at("unsent") == 2);
}

TEST_CASE("a message to an id that nobody holds is void, in the sender's log and in the verdict") {
    const TemporaryFolder folder;
    const std::string sent = folder.path("sent");
    Cluster cluster({.web_nodes = 1});
    REQUIRE(run(path_of("zcomet-msggen"), {"--broker", cluster.broker_endpoint(), "--count", "3",
                                           "--interval", "0", "--max", "1", "--log", sent})
                .status == 0);
    const std::vector<std::string> lines = lines_of(read_file(sent));
    REQUIRE(lines.size() == 3);
    CHECK(std::all_of(lines.begin(), lines.end(),
                      [](const std::string& line) { return line.ends_with("\tvoid"); }));
    const Finished finished = reconcile(sent, folder.write("received", ""));
    CHECK(finished.status == 0);
    const auto totals = nlohmann::json::parse(finished.output).at("totals");
    CHECK(totals.at("no_stream") == 3);
    CHECK(totals.at("missing") == 0);
}

TEST_CASE("a full disk ends the logs, not the messages") {
    constexpr std::size_t kMessages = 2000;
    Load load("/dev/full");
    const Finished sent = load.send("/dev/full", kMessages);
    CHECK(sent.status == 1);
    CHECK(sent.log.find("the log ends here") != std::string::npos);
    CHECK(sent.log.find("the log ends here") == sent.log.rfind("the log ends here"));
    const auto report = nlohmann::json::parse(sent.output);
    CHECK(report.at("sent") == kMessages);
    CHECK(report.at("unconfirmed") == 0);
    CHECK(report.at("log_lines_lost") == kMessages);
    CHECK(load.end_after(2 * kMessages) == 1);
    load.flood.await_end_of_output();
    CHECK(load.flood.await_log("the log ends here"));
    const auto result = nlohmann::json::parse(load.flood.output());
    CHECK(result.at("chunks") == 2 * kMessages);
    CHECK(result.at("log_lines_lost") == 2 * kMessages + 2 * kStreams);
}

TEST_CASE("a file that is not a log is named, with the line") {
    const TemporaryFolder folder;
    const std::string sent = folder.write("sent", "sent\ta\t1\tid\t5\t1\t1\nnonsense\n");
    const Finished finished = reconcile(sent, sent);
    CHECK(finished.status == 1);
    CHECK(finished.log.find(sent + ":2: ") != std::string::npos);
    CHECK(reconcile("/nonexistent", sent).log.find("/nonexistent") != std::string::npos);
}

} // namespace reconcile_test
