// Goal: a program that starts knows by which names it is asked, and does not wait for a name
// service.
#include "topology/host/host_names.hpp"
#include "topology/net/own_names.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace zcomet::net::own_names_test {
namespace {

TEST_CASE("a program knows the names of its host and of its addresses", "[own_names]") {
    std::array<char, 256> host{};
    REQUIRE(::gethostname(host.data(), host.size() - 1) == 0);
    const auto names = own_names({{"web.example", 80}, {"*", 80}, {"::1", 80}, {"", 0}}, 0ms);
    const auto has = [&names](const std::string& name) {
        return std::count(names.begin(), names.end(), name) == 1;
    };
    CHECK(has("web.example"));
    const std::string whole = host.data();
    if (host::why_no_host_name(whole).empty()) {
        CHECK(has(whole));
        CHECK(has(whole.substr(0, whole.find('.'))));
    }
    CHECK_FALSE(has("*"));
    CHECK_FALSE(has("::1"));
    CHECK_FALSE(has(""));
}

} // namespace
} // namespace zcomet::net::own_names_test
