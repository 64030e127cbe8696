// The answers of several brokers as one.
#include "tools/ctl/all_brokers.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace all_brokers_test {

using nlohmann::json;
using namespace zcomet;
using namespace zcomet::tools::ctl;

namespace {

json node(const std::string& name, int ids, bool live, int heard_ms) {
    return {{"name", name},    {"ids", ids},   {"streams", 9},         {"live", live},
            {"room", nullptr}, {"age_ms", 50}, {"heard_ms", heard_ms}, {"unacknowledged_bytes", 3}};
}

const cluster::BrokerList kBrokers{"tcp://a:1", "tcp://b:1", "tcp://c:1"};

} // namespace

TEST_CASE("all brokers are asked, and it is told which did not answer", "[ctl]") {
    std::atomic<int> asked{0};
    const auto answers = ask_all(kBrokers, [&asked](const std::string& endpoint) {
        ++asked;
        if (endpoint == "tcp://b:1") {
            throw std::runtime_error("no answer");
        }
        return json(endpoint);
    });
    CHECK(asked == 3);
    REQUIRE(answers.size() == 3);
    CHECK(answers[0].json == "tcp://a:1");
    CHECK(answers[2].error.empty());
    CHECK(silence_text(answers) == "1 of 3 brokers did not answer: tcp://b:1: no answer\n");
    CHECK(silence_text({answers[0]}).empty());
}

TEST_CASE("if none answers, that is an error", "[ctl]") {
    CHECK_THROWS_WITH(ask_all(kBrokers,
                              [](const std::string& endpoint) -> json {
                                  throw std::runtime_error(endpoint + " is away");
                              }),
                      "tcp://a:1 is away");
}

TEST_CASE("a node that is at several brokers is one", "[ctl]") {
    std::vector<BrokerAnswer> answers{{"a"}, {"b"}, {"c"}};
    answers[0].json = json::array({node("n", 4, false, 10), node("m", 1, true, 1)});
    answers[1].json = json::array({node("n", 7, true, 5)});
    answers[2].error = "away";
    const json nodes = merged_nodes(answers);
    REQUIRE(nodes.size() == 2);
    CHECK(nodes[0].at("name") == "m");
    CHECK(nodes[1].at("ids") == 7);
    CHECK(nodes[1].at("streams") == 9);
    CHECK(nodes[1].at("live") == true);
    CHECK(nodes[1].at("heard_ms") == 5);
    CHECK(nodes[1].at("unacknowledged_bytes") == 6);
    CHECK(nodes[1].at("room").is_null());
}

TEST_CASE("who holds an id is who holds it at any broker", "[ctl]") {
    std::vector<BrokerAnswer> answers{{"a"}, {"b"}, {"c"}};
    answers[0].json = {{"id", "7"}, {"nodes", {"n", "m"}}};
    answers[1].error = "away";
    answers[2].json = {{"id", "7"}, {"nodes", {"k", "n"}}};
    CHECK(merged_who(answers) == json{{"id", "7"}, {"nodes", {"k", "m", "n"}}});
}

TEST_CASE("a ledger of several brokers is the sum", "[ctl]") {
    std::vector<BrokerAnswer> answers{{"a"}, {"b"}, {"c"}};
    answers[0].error = "away";
    answers[1].json = {{"senders", {{"sent", 5U}, {"remainder", -1}}},
                       {"nodes", {{"disbelieved_nodes", {"n"}}}}};
    answers[2].json = {{"senders", {{"sent", 6U}, {"remainder", 1}}},
                       {"nodes", {{"disbelieved_nodes", {"m"}}}}};
    const json sum = merged_ledger(answers);
    CHECK(sum.at("senders").at("sent") == 11);
    CHECK(sum.at("senders").at("remainder") == 0);
    CHECK(sum.at("nodes").at("disbelieved_nodes") == json{"n", "m"});
}

} // namespace all_brokers_test
