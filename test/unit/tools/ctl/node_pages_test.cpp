// all_nodes(): brokers with pages, brokers without, and brokers whose pages are wrong.
#include "tools/ctl/node_pages.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace node_pages_test {

using nlohmann::json;
using zcomet::tools::ctl::all_nodes;

TEST_CASE("the pages of nodes are put together", "[ctl]") {
    std::vector<std::string> asked;
    const json nodes = all_nodes([&](const std::string& argument) -> json {
        asked.push_back(argument);
        if (argument.empty()) {
            return {{{"name", "a"}},
                    {{"name", "b"}},
                    {{"name", "(there are more)"}, {"more", "from 2"}}};
        }
        if (argument == "from 2") {
            return {{{"name", "(there are more)"}, {"more", "from 9"}}}; // no node on this page
        }
        return {{{"name", "c"}}};
    });
    CHECK(asked == std::vector<std::string>{"", "from 2", "from 9"});
    CHECK(nodes == json{{{"name", "a"}}, {{"name", "b"}}, {{"name", "c"}}});
}

TEST_CASE("a broker without pages, or without nodes, is asked once", "[ctl]") {
    int asked = 0;
    const json one = all_nodes([&](const std::string&) -> json {
        ++asked;
        return json::array({{{"name", "a"}}});
    });
    CHECK(one.size() == 1);
    const json none = all_nodes([&](const std::string&) {
        ++asked;
        return json::array();
    });
    CHECK(none == json::array());
    CHECK(asked == 2);
}

TEST_CASE("pages without end, and answers that are not pages, are errors", "[ctl]") {
    CHECK_THROWS_AS(all_nodes([](const std::string&) {
                        return json::array({{{"more", "from 0"}}});
                    }),
                    std::runtime_error);
    CHECK_THROWS_AS(all_nodes([](const std::string&) {
                        return json{{"nodes", 3}};
                    }),
                    json::exception);
    CHECK_THROWS_AS(all_nodes([](const std::string&) {
                        return json::array({3, {{"more", 3}}});
                    }),
                    json::exception);
}

} // namespace node_pages_test
