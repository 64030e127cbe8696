// The steps of a change of the list of brokers, in the text of a cluster file.
#include "tools/ctl/list_edit.hpp"
#include "topology/cluster/cluster_file.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>
#include <string>

namespace list_edit_test {

using namespace zcomet;
using namespace zcomet::tools::ctl;
using cluster::Change;
using cluster::Moving;

namespace {

const std::string kFile = R"(# A cluster.
version = 3   # rises

# The machine of the brokers.
[[host]]
name = "h"
address = "10.0.0.1"

[[broker]]    # the first one
host = "h"
name = "b1"
keys = "/k"

# About the second broker.
[[broker]]
host = "h"
name = "b2"
listen_port = 6000
feed_port = 6001
keys = "/k"

# About the web node.
[[webnode]]
host = "h"
name = "w"
)";

cluster::Cluster read(const std::string& text) {
    const auto cluster = cluster::parse_cluster_file(text, "file");
    INFO(text);
    REQUIRE(cluster.ok());
    return cluster.value();
}

NewBroker third() {
    return {.name = "b3", .host = "h3", .address = "10.0.0.3"};
}

std::string after(const Result<std::string>& text) {
    if (!text.ok()) {
        FAIL(text.error().text);
    }
    return text.value();
}

} // namespace

TEST_CASE("adding a broker goes step by step, and back", "[list_edit]") {
    const std::string nodes = after(with_added(kFile, third()));
    const cluster::Cluster moving = read(nodes);
    CHECK(moving.version == 4);
    CHECK(moving.moving == Moving::kNodes);
    REQUIRE(moving.brokers.size() == 3);
    CHECK(moving.brokers[2].change == Change::kAdd);
    CHECK(moving.brokers[2].keys == "/k");
    CHECK(moving.host("h3").address == "10.0.0.3");
    CHECK(nodes.find("version = 4  # rises\n") != std::string::npos);
    CHECK(nodes.find("# About the web node.") != std::string::npos);

    const std::string senders = after(next_step(nodes));
    CHECK(read(senders).version == 5);
    CHECK(read(senders).moving == Moving::kSenders);

    const cluster::Cluster done = read(after(next_step(senders)));
    CHECK(done.version == 6);
    CHECK(done.moving == Moving::kNothing);
    CHECK(done.brokers.size() == 3);
    CHECK(done.brokers[2].change == Change::kNone);

    const std::string back = after(step_back(senders));
    CHECK(read(back).version == 6);
    CHECK(read(back).moving == Moving::kNodes);
    CHECK(read(after(step_back(back))).brokers.size() == 2);
}

TEST_CASE("removing a broker takes its table and nothing else", "[list_edit]") {
    const std::string nodes = after(with_removed(kFile, "b1"));
    CHECK(read(nodes).brokers[0].change == Change::kRemove);
    CHECK(nodes.find("[[broker]]    # the first one\nchange = \"remove\"\n") != std::string::npos);
    const std::string done = after(next_step(after(next_step(nodes))));
    const cluster::Cluster left = read(done);
    REQUIRE(left.brokers.size() == 1);
    CHECK(left.brokers[0].name == "b2");
    CHECK(left.web_nodes.size() == 1);
    CHECK(done.find("# About the second broker.") != std::string::npos);
    CHECK(done.find("the first one") == std::string::npos);
    const std::string given_up = after(step_back(nodes));
    CHECK(given_up.find("change") == std::string::npos);
    CHECK(read(given_up).brokers.size() == 2);
}

TEST_CASE("a file without a version begins with one", "[list_edit]") {
    std::string text = kFile;
    text.erase(text.find("version"), std::string("version = 3   # rises\n").size());
    const std::string made = after(with_removed(text, "b2"));
    CHECK(read(made).version == 1);
    CHECK(made.find("# The machine of the brokers.\n[[host]]") != std::string::npos);
}

TEST_CASE("steps that are not possible are refused", "[list_edit]") {
    const std::string senders = after(next_step(after(with_added(kFile, third()))));
    const std::string only = "[[host]]\nname = 'h'\naddress = 'a'\n[[broker]]\nhost = 'h'\n";
    const std::string in_line = "host = [{name = 'h', address = 'a'}]\nbroker = [{host = 'h'}]\n";
    const auto complaint = [](const Result<std::string>& text) {
        REQUIRE_FALSE(text.ok());
        return text.error().text;
    };
    using Catch::Matchers::Contains;
    CHECK_THAT(complaint(next_step(kFile)), Contains("nothing changes"));
    CHECK_THAT(complaint(step_back(kFile)), Contains("nothing changes"));
    CHECK_THAT(complaint(with_added(senders, third())), Contains("senders move"));
    CHECK_THAT(complaint(with_removed(senders, "b1")), Contains("senders move"));
    CHECK_THAT(complaint(with_removed(kFile, "b9")), Contains("no broker \"b9\""));
    CHECK_THAT(complaint(with_removed(after(with_removed(kFile, "b1")), "b1")),
               Contains("about to change"));
    CHECK_THAT(complaint(with_removed(only, "h")), Contains("a broker before each change"));
    CHECK_THAT(complaint(with_added(kFile, {.name = "b3", .host = "nowhere", .address = {}})),
               Contains("no [[host]] is named"));
    CHECK_THAT(
        complaint(with_added(
            kFile, {.name = "b1", .host = "h", .address = {}, .listen_port = 1, .feed_port = 2})),
        Contains("two brokers are named"));
    CHECK_THAT(complaint(with_removed(in_line, "h")), Contains("edit it by hand"));
    CHECK_THAT(complaint(next_step("nonsense")), Contains("the cluster file"));
}

TEST_CASE("the example with three brokers can be changed", "[list_edit]") {
    std::ifstream in(std::string(ZCOMET_SOURCE_ROOT) + "/topology/examples/three-brokers.toml");
    std::ostringstream text;
    text << in.rdbuf();
    const std::string done =
        after(next_step(after(next_step(after(with_removed(text.str(), "broker2"))))));
    CHECK(read(done).brokers.size() == 2);
    CHECK(read(done).web_nodes.size() == 2);
}

} // namespace list_edit_test
