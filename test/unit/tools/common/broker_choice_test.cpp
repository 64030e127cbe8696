// Goal: a tool finds its broker by --broker or by --cluster, and refuses values that are neither.
#include "tools/common/broker_choice.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>

namespace broker_choice_test {

using namespace zcomet;
using namespace zcomet::tools::common;

namespace {

BrokerChoice parse(const std::string& arguments) {
    CLI::App app;
    BrokerChoice choice;
    program::OptionTable table(app);
    add_broker_choice(table, choice);
    app.parse(arguments);
    return choice;
}

std::string chosen_broker(const std::string& arguments) {
    return settle_brokers(parse(arguments)).text();
}

const std::string kExample =
    std::string(ZCOMET_SOURCE_ROOT) + "/topology/examples/three-hosts.toml";

} // namespace

TEST_CASE("without options the broker is on this machine", "[broker_choice]") {
    CHECK(chosen_broker("") == "tcp://127.0.0.1:5555");
}

TEST_CASE("--broker names the broker", "[broker_choice]") {
    CHECK(chosen_broker("--broker tcp://10.0.0.1:7000") == "tcp://10.0.0.1:7000");
    CHECK(chosen_broker("--broker 10.0.0.1:7000") == "tcp://10.0.0.1:7000");
}

TEST_CASE("several brokers may be named", "[broker_choice]") {
    const cluster::BrokerList list =
        settle_brokers(parse("--broker a=10.0.0.1:7000 --broker b=10.0.0.2:7000 --replicas 1"));
    CHECK(list.text() == "tcp://10.0.0.1:7000,tcp://10.0.0.2:7000");
    CHECK(list.brokers[1].name == "b");
    CHECK(list.replicas == 1);
    CHECK_THROWS_WITH(settle_brokers(parse("--broker a=h:1 --broker a=h:2")),
                      Catch::Contains("was named before"));
}

TEST_CASE("--cluster finds the broker in the file", "[broker_choice]") {
    CHECK(chosen_broker("--cluster " + kExample) == "tcp://198.18.0.1:5555");
}

TEST_CASE("an address that cannot be connected to is refused", "[broker_choice]") {
    const auto address = GENERATE(as<std::string>(), "http://10.0.0.1:7000", "tcp://10.0.0.1",
                                  "tcp://*:7000", "tcp://10.0.0.1:*", "tcp://10.0.0.1:0");
    CAPTURE(address);
    CHECK_THROWS_AS(parse("--broker " + address), CLI::ValidationError);
}

TEST_CASE("--broker and --cluster exclude each other", "[broker_choice]") {
    CHECK_THROWS_AS(parse("--broker tcp://10.0.0.1:7000 --cluster x"), CLI::ExcludesError);
}

TEST_CASE("a missing cluster file is named in the error", "[broker_choice]") {
    CHECK_THROWS_WITH(chosen_broker("--cluster /nonexistent"),
                      Catch::Contains("/nonexistent: the cluster file cannot be read"));
}

} // namespace broker_choice_test
