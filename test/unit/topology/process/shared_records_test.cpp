#include "topology/process/shared_records.hpp"

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <system_error>

namespace shared_records_test {

using namespace zcomet;
using namespace zcomet::process;

namespace {

struct alignas(64) Record {
    std::atomic<int> number{7};
};

} // namespace

TEST_CASE("one mapping sees what the other writes", "[shared_records]") {
    const auto parent = SharedRecords<Record>::create(3, "test");
    const auto child = SharedRecords<Record>::attach(UniqueFd(::dup(parent.fd())));
    REQUIRE(child.records().size() == 3);
    CHECK(child.records()[0].number == 7); // made as its constructor says
    child.records()[2].number = 5;
    CHECK(parent.records()[2].number == 5);
    CHECK(parent.records()[1].number == 7);
}

TEST_CASE("records that a forked child writes outlive it", "[shared_records]") {
    const auto shared = SharedRecords<Record>::create(1, "test");
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        shared.records()[0].number = 9;
        ::_exit(0);
    }
    REQUIRE(::waitpid(pid, nullptr, 0) == pid);
    CHECK(shared.records()[0].number == 9);
}

TEST_CASE("records move with their owner", "[shared_records]") {
    auto first = SharedRecords<Record>::create(1, "test");
    first.records()[0].number = 3;
    const auto second = std::move(first);
    CHECK(second.records()[0].number == 3);
}

TEST_CASE("something that cannot be mapped is an error", "[shared_records]") {
    CHECK_THROWS_AS(SharedRecords<Record>::attach(UniqueFd()), std::system_error);
}

} // namespace shared_records_test
