#include "test/support/alarms.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/loop/readable.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

namespace readable_test {

using namespace zcomet;
using namespace zcomet::loop;

TEST_CASE("a descriptor that is readable, or has lost its other end, is not waited for") {
    const UniqueFd ready(::eventfd(1, EFD_CLOEXEC));
    CHECK(await_readable(ready.get(), kNever));
    CHECK(await_readable(ready.get(), Time::min()));
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    ::close(ends[1]);
    CHECK(await_readable(reader.get(), kNever));
}

TEST_CASE("an unreadable descriptor is waited for until the deadline, whatever signals come") {
    const UniqueFd quiet(::eventfd(0, EFD_CLOEXEC));
    CHECK_FALSE(await_readable(quiet.get(), Time::min()));
    const test::Alarms alarms;
    const Time deadline = Clock::now() + 20ms;
    CHECK_FALSE(await_readable(quiet.get(), deadline));
    CHECK(Clock::now() >= deadline);
    CHECK(test::Alarms::handled > 0);
}

} // namespace readable_test
