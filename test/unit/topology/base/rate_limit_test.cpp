// So many a second, with a burst.
#include "topology/base/rate_limit.hpp"

#include <catch2/catch.hpp>

namespace rate_limit_test {

using namespace zcomet;

namespace {

int passed(RateLimit& limit, Time now, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) {
        count += limit.allow(now) ? 1 : 0;
    }
    return count;
}

} // namespace

TEST_CASE("rate limit: a second's worth at once, then one after the other", "[rate_limit]") {
    RateLimit limit(10);
    const Time start = Time{} + 1h;
    CHECK(limit.next() <= start);
    CHECK(passed(limit, start, 100) == 10);
    CHECK(limit.next() == start + 100ms);
    CHECK(passed(limit, start + 99ms, 100) == 0);
    CHECK(passed(limit, start + 100ms, 100) == 1);
    CHECK(passed(limit, start + 350ms, 100) == 2);
    CHECK(passed(limit, start + 1h, 100) == 10);
}

TEST_CASE("rate limit: the smallest and the largest rate", "[rate_limit]") {
    const Time start = Time{} + 1h;
    RateLimit one(1);
    CHECK(passed(one, start, 10) == 1);
    CHECK(passed(one, start + 1s, 10) == 1);
    RateLimit many(1'000'000'000);
    CHECK(passed(many, start, 10'000) == 10'000);
}

} // namespace rate_limit_test
