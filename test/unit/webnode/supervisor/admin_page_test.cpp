#include "webnode/supervisor/admin_page.hpp"

#include <catch2/catch.hpp>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <array>
#include <string>

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::supervisor;
using Catch::Matchers::Contains;

TEST_CASE("the page is served, and its port is its own", "[admin_page]") {
    const std::array<slot::WorkerSlot, 1> slots;
    const auto page = AdminPage::open("127.0.0.1:0", {"web", "127.0.0.1:80", slots});
    REQUIRE(page.ok());
    const std::string address = page.value()->address();
    httplib::Client client("http://" + address);
    const auto answer = client.Get("/stats");
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(nlohmann::json::parse(answer->body)["name"] == "web");
    CHECK(client.Get("/other")->status == 404);
    const auto second = AdminPage::open(address, {"web", "127.0.0.1:80", slots});
    REQUIRE_FALSE(second.ok());
    CHECK_THAT(second.error().text, Contains(address) && Contains("in use"));
    CHECK_FALSE(AdminPage::open("nonsense", {"web", "", slots}).ok());
}
