#include "webnode/api/expected_requests.hpp"

#include <catch2/catch.hpp>

namespace expected_requests_test {

using namespace zcomet;
using namespace zcomet::webnode::api;

TEST_CASE("those that have their answers are expected to ask again, for a moment",
          "[expected_requests]") {
    ExpectedRequests expected(600us);
    const Time start = Time() + 1h;
    CHECK_FALSE(expected.any(start));
    expected.on_answers(0, start);
    CHECK_FALSE(expected.any(start));
    expected.on_answers(3, start);
    expected.on_requests(2);
    CHECK(expected.any(start + 100us));
    expected.on_requests(1);
    CHECK_FALSE(expected.any(start + 100us));
    expected.on_requests(5); // of clients that nobody expected
    expected.on_answers(1, start + 200us);
    CHECK(expected.any(start + 799us));
    CHECK_FALSE(expected.any(start + 800us));
}

TEST_CASE("the requests of later turns come from those that wait longest", "[expected_requests]") {
    ExpectedRequests expected(600us);
    const Time start = Time() + 1h;
    expected.on_answers(2, start);
    expected.on_answers(2, start + 300us);
    expected.on_requests(3);
    CHECK(expected.any(start + 899us)); // one of the later two
    CHECK_FALSE(expected.any(start + 900us));
}

} // namespace expected_requests_test
