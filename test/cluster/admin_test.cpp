// The pages of a broker and of a web node, in the loop that does their real work: whatever clients
// of the pages do, that work goes on, and the pages recover.
#include "test/support/cluster.hpp"
#include "test/support/descriptor_limit.hpp"
#include "test/support/programs.hpp"
#include "test/support/stats.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace admin_test {

using namespace zcomet;
using namespace zcomet::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

ReadyProgram broker_with_page(const std::string& admin = own_address() + ":0") {
    return {"zcomet-broker",
            {"--listen", "tcp://127.0.0.1:*", "--feed", "tcp://127.0.0.1:*", "--admin", admin}};
}

std::vector<std::string> web_node_arguments(const ReadyProgram& broker, const std::string& admin) {
    return {"--broker", broker.field("listen"), "--http", "127.0.0.1:0", "--admin", admin};
}

/// A broker and a web node, each with a page.
struct Pages {
    explicit Pages(const std::string& admin = own_address() + ":0")
        : broker(broker_with_page(admin)),
          web_node("zcomet-webnode", web_node_arguments(broker, admin)) {}

    /// In the order in which they may end.
    [[nodiscard]] std::array<ReadyProgram*, 2> programs() { return {&web_node, &broker}; }

    ReadyProgram broker;
    ReadyProgram web_node;
};

wire::HostPort page_of(const ReadyProgram& program) {
    return wire::parse_host_port(program.field("admin")).value();
}

} // namespace

TEST_CASE("a page recovers from a lack of descriptors, and ends with its process") {
    ReadyProgram broker = broker_with_page();
    const std::string admin = broker.field("admin");
    REQUIRE(read_stats(admin).at("ids") == 0);
    std::vector<CometClient> callers;
    {
        const DescriptorLimit none(0, broker.process().pid());
        // The first may get the descriptor of the connection above, which is about to be closed.
        for (unsigned i = 0; i < 4; ++i) {
            callers.emplace_back(page_of(broker));
        }
        REQUIRE(callers.back().request("GET", "/stats"));
        CHECK(broker.process().await_log("event=admin-shortage reason=\"Too many open files\""));
        // Once a second it logs how often it has tried: every 100 ms, not every turn.
        REQUIRE(broker.process().await_log("event=admin-shortage", 2));
        const std::string log = broker.process().log();
        const auto times = log.rfind("times=");
        CHECK(std::stoul(log.substr(times + std::string_view("times=").size())) <= 11);
    }
    CHECK(callers.back().await_status() == 200);
    CHECK(read_stats(admin).at("ids") == 0);
    broker.process().signal(SIGTERM);
    CHECK(broker.process().wait() == 0);
}

TEST_CASE("a broker without descriptors for its page ends at once on SIGTERM") {
    ReadyProgram broker = broker_with_page();
    const DescriptorLimit none(0, broker.process().pid());
    const CometClient caller(page_of(broker));
    REQUIRE(broker.process().await_log("event=admin-shortage"));
    broker.process().signal(SIGTERM);
    CHECK(broker.process().wait() == 0);
}

TEST_CASE("slow clients of the pages hold nothing up") {
    Cluster cluster({.web_nodes = 1});
    const std::vector<std::string> admins{cluster.broker_admin(), cluster.admin(0)};
    std::vector<CometClient> slow;
    for (const std::string& admin : admins) {
        for (unsigned i = 0; i < 10; ++i) {
            slow.emplace_back(wire::parse_host_port(admin).value());
            REQUIRE(slow.back().send("GET /sta"));
        }
    }
    CometClient stream = cluster.open_stream(0, "1");
    for (std::uint64_t number = 1; number <= 5; ++number) {
        for (CometClient& client : slow) {
            CHECK(client.send("t"));
        }
        CHECK(read_stats(cluster.broker_admin()).at("nodes") == 1);
        CHECK(read_stats(cluster.admin(0)).at("totals").at("streams") == 1);
        CHECK(cluster.send("1", "hello") == 1);
        CHECK(stream.await_chunks(number).size() == number);
    }
}

TEST_CASE("a crowd at the page is turned away without harm, and counted in the log") {
    ReadyProgram broker = broker_with_page();
    const wire::HostPort address = page_of(broker);
    std::vector<CometClient> crowd;
    for (unsigned i = 0; i < 40; ++i) {
        crowd.emplace_back(address);
    }
    CHECK(broker.process().await_log("event=admin-full connections=32"));
    CHECK(crowd.back().await_close());
    crowd.clear();
    CHECK(eventually([&] {
        CometClient caller(address);
        return caller.request("GET", "/stats") && caller.await_status() == 200;
    }));
}

TEST_CASE("programs end at once although clients are at their pages") {
    Pages pages;
    for (ReadyProgram* const program : pages.programs()) {
        CometClient silent(page_of(*program));
        CometClient halfway(page_of(*program));
        REQUIRE(halfway.send("GET /st"));
        CHECK(read_stats(program->field("admin")).contains("name")); // both are accepted by now
        const Time told = Clock::now();
        program->process().signal(SIGTERM);
        CHECK(program->process().wait() == 0);
        CHECK(Clock::now() - told < 9s); // their deadline would be 10 s
        CHECK(silent.await_close());
        CHECK(halfway.await_close());
    }
}

TEST_CASE("a page answers one request a connection, GET or HEAD only") {
    Pages pages;
    for (const ReadyProgram* const program : pages.programs()) {
        const wire::HostPort address = page_of(*program);
        CometClient whole(address);
        REQUIRE(whole.request("GET", "/stats"));
        CHECK(whole.await_status() == 200);
        CHECK(whole.header("content-type") == "application/json");
        CHECK(whole.header("cache-control") == "no-store");
        CHECK(whole.header("connection") == "close");
        const auto body = whole.await_body();
        REQUIRE(body);
        CHECK(whole.await_close());
        CometClient head(address);
        REQUIRE(head.request("HEAD", "/stats"));
        CHECK(head.await_status() == 200);
        CHECK(head.await_close());
        CHECK(head.unread().empty());
        CometClient lost(address);
        REQUIRE(lost.request("GET", "/other"));
        CHECK(lost.await_status() == 404);
        CometClient poster(address);
        REQUIRE(
            poster.send("POST /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"));
        CHECK(poster.await_status() == 404);
    }
}

TEST_CASE("a page may be at an IPv6 address") {
    if (!std::filesystem::exists("/proc/net/if_inet6")) {
        WARN("this host has no IPv6");
        return;
    }
    Pages pages("[::1]:0");
    for (const ReadyProgram* const program : pages.programs()) {
        CHECK_THAT(program->field("admin"), StartsWith("[::1]:"));
        CHECK(read_stats(program->field("admin")).contains("name"));
    }
}

TEST_CASE("a program whose page's port is taken prints one clear line, and exits with status 1") {
    const ReadyProgram broker = broker_with_page();
    const std::string taken = broker.field("admin");
    const std::string line = "cannot serve the admin page at " + taken + ": the port is in use\n";
    const Finished second =
        run(path_of("zcomet-broker"),
            {"--listen", "tcp://127.0.0.1:*", "--feed", "tcp://127.0.0.1:*", "--admin", taken});
    CHECK(second.status == 1);
    CHECK_THAT(second.log, EndsWith("zcomet-broker: " + line));
    const Finished web_node = run(path_of("zcomet-webnode"), web_node_arguments(broker, taken));
    CHECK(web_node.status == 1);
    CHECK_THAT(web_node.log, Contains("zcomet-webnode: " + line));
}

} // namespace admin_test
