// ErrorLimit: how many ERROR frames one connection gets, and all connections together.
#include "broker/router/error_limit.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace error_limit_test {

using namespace zcomet;
using zcomet::broker::router::ErrorLimit;

namespace {

const Time kStart = Time{} + 24h;

unsigned allowed(ErrorLimit& limit, const std::string& connection, Time now) {
    unsigned count = 0;
    while (limit.allow(connection, now)) {
        ++count;
    }
    return count;
}

} // namespace

TEST_CASE("a connection gets ten errors a second, however many others get", "[error_limit]") {
    ErrorLimit limit;
    CHECK(allowed(limit, "a", kStart) == ErrorLimit::kPerSecond);
    CHECK(allowed(limit, "b", kStart + 500ms) == ErrorLimit::kPerSecond);
    CHECK_FALSE(limit.allow("a", kStart + 999ms));
    CHECK(allowed(limit, "a", kStart + 1s) == ErrorLimit::kPerSecond);
    CHECK(allowed(limit, "a", kStart + 1h) == ErrorLimit::kPerSecond);
}

TEST_CASE("when very many connections err in a second, further ones get no answer",
          "[error_limit]") {
    ErrorLimit limit;
    for (std::size_t i = 0; i < ErrorLimit::kConnectionsMax; ++i) {
        REQUIRE(limit.allow(std::to_string(i), kStart));
    }
    CHECK_FALSE(limit.allow("one more", kStart));
    CHECK(limit.allow("0", kStart)); // a known connection
    CHECK(limit.allow("one more", kStart + 1s));
}

} // namespace error_limit_test
