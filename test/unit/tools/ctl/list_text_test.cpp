// Goal: an operator sees which processes go by which list of brokers.
#include "tools/ctl/list_text.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace list_text_test {

using namespace zcomet;
using namespace zcomet::tools::ctl;
using nlohmann::json;

namespace {

json answer(const std::string& broker, std::uint64_t version, const std::string& hash) {
    const json all_same{{"same", 3}, {"older", 0}, {"newer", 0}, {"without", 0}};
    return {{"broker", broker},
            {"version", version},
            {"hash", hash},
            {"nodes", all_same},
            {"senders", all_same}};
}

const std::string kHash = "00000000000000ff";

} // namespace

TEST_CASE("a line for each broker", "[list_text]") {
    json other = answer("b", 0, std::string(16, '0'));
    other["nodes"] = {{"same", 0}, {"older", 0}, {"newer", 2}, {"without", 0}};
    other["senders"] = {{"same", 1}, {"older", 4}, {"newer", 0}, {"without", 5}};
    CHECK(lists_text(json::array({answer("a", 7, kHash), other})) ==
          "BROKER  VERSION  HASH              NODES       SENDERS\n"
          "a             7  00000000000000ff  3           3\n"
          "b             -  -                 0, 2 newer  1, 4 older, 5 without a version\n");
}

TEST_CASE("nothing is wrong where all have one list", "[list_text]") {
    CHECK(list_warning(json::array({answer("a", 7, kHash), answer("b", 7, kHash)}), {}).empty());
    CHECK(list_warning(json::array({answer("a", 7, kHash)}), {7, 0xFF}).empty());
    CHECK(list_warning(json::array({answer("a", 7, kHash)}), {6, 0xAA})
              .empty()); // an older file here
}

TEST_CASE("what is wrong is said", "[list_text]") {
    CHECK(list_warning(json::array({answer("a", 7, kHash), answer("b", 8, kHash)}), {}) ==
          "the brokers do not agree: a has version 7 of the list, b has 8\n");
    CHECK(
        list_warning(json::array({answer("a", 7, kHash), answer("b", 7, "1")}), {}) ==
        "the brokers do not agree: b and a have different lists of version 7; give the newer one a "
        "higher version\n");
    CHECK(list_warning(json::array({answer("a", 7, kHash)}), {7, 0xAA}) ==
          "a has another list of version 7 than the cluster file here; give the newer one a higher "
          "version\n");
}

} // namespace list_text_test
