#include "webnode/supervisor/admin_page.hpp"

#include <catch2/catch.hpp>
#include <httplib.h>
#include <unistd.h>

#include <array>
#include <string>

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::supervisor;
using Catch::Matchers::Contains;

TEST_CASE("stats show each worker and the sums", "[admin_page]") {
    std::array<slot::WorkerSlot, 2> slots;
    slots[0].counters.set(slot::WorkerCounter::kStreams, 3);
    slots[1].counters.set(slot::WorkerCounter::kStreams, 4);
    slots[1].counters.set(slot::WorkerCounter::kFeedGaps, 1);
    slots[1].state.store(slot::WorkerState::kLive);
    slots[1].restarts.store(2);
    slots[1].pid.store(::getpid()); // a process whose memory can be read
    const auto stats = web_node_stats({"web", "127.0.0.1:80", slots});
    CHECK(stats["name"] == "web");
    CHECK(stats["http"] == "127.0.0.1:80");
    CHECK(stats["pid"] == ::getpid());
    CHECK(stats["workers"][0]["name"] == "web/1");
    CHECK(stats["workers"][0]["state"] == "down");
    CHECK(stats["workers"][0]["rss_kb"] == 0);
    CHECK(stats["workers"][1]["name"] == "web/2");
    CHECK(stats["workers"][1]["state"] == "live");
    CHECK(stats["workers"][1]["counters"]["feed_gaps"] == 1);
    CHECK(stats["totals"]["streams"] == 7);
    CHECK(stats["totals"]["restarts"] == 2);
    CHECK(stats["totals"]["counters"]["streams"] == 7);
    CHECK(stats["totals"]["pss_kb"] > stats["workers"][1]["pss_kb"]); // the supervisor's besides
}

TEST_CASE("every counter has a name of its own", "[admin_page]") {
    const std::array<slot::WorkerSlot, 1> slots;
    const auto stats = web_node_stats({"web", "127.0.0.1:80", slots});
    CHECK(stats["totals"]["counters"].size() == slot::kWorkerCounterNames.size());
}

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
