#include "topology/process/file_limit.hpp"

#include <catch2/catch.hpp>
#include <sys/resource.h>

namespace file_limit_test {

using namespace zcomet::process;

TEST_CASE("the limit of open files is raised to the hard one", "[file limit]") {
    rlimit low{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &low) == 0);
    low.rlim_cur = 64;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(raise_file_limit() == low.rlim_max);
    CHECK(file_limit_max() == low.rlim_max);
    rlimit raised{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &raised) == 0);
    CHECK(raised.rlim_cur == low.rlim_max);
}

} // namespace file_limit_test
