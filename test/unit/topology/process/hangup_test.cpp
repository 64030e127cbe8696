#include "topology/loop/loop.hpp"
#include "topology/process/hangup.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <csignal>
#include <vector>

namespace hangup_test {

using namespace zcomet;
using namespace zcomet::process;

namespace {

constexpr Duration kSoon = 20s;

struct Fixture {
    Fixture() { loop.add(hangup, loop::Order::kBroker); }
    bool comes(std::size_t count) {
        return loop.run_until([&] { return heard.size() == count; }, Clock::now() + kSoon);
    }
    std::vector<std::optional<int>> heard;
    Hangup hangup{[this](std::optional<int> passed) { heard.push_back(passed); }};
    loop::Loop loop;
};

} // namespace

TEST_CASE_METHOD(Fixture, "SIGHUP is an event, and ends nothing", "[hangup]") {
    REQUIRE(::kill(::getpid(), SIGHUP) == 0);
    REQUIRE(comes(1));
    CHECK_FALSE(heard[0]);
    REQUIRE(::kill(::getpid(), SIGHUP) == 0);
    CHECK(comes(2));
}

TEST_CASE_METHOD(Fixture, "a keeper passes a number on", "[hangup]") {
    pass_hangup_on(::getpid(), 3);
    REQUIRE(comes(1));
    CHECK(heard[0] == 3);
    pass_hangup_on(0, 4); // no process: nobody hears it
    pass_hangup_on(::getpid(), 5);
    REQUIRE(comes(2));
    CHECK(heard[1] == 5);
}

} // namespace hangup_test
