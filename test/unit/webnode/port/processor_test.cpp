// Goal: workers spread over the processors that they may use, one each.
// Method: threads of this process, each with its own affinity.
#include "webnode/port/processor.hpp"

#include <catch2/catch.hpp>
#include <sched.h>

#include <set>
#include <thread>

namespace processor_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::port;

namespace {

cpu_set_t usable() {
    cpu_set_t set;
    CPU_ZERO(&set);
    REQUIRE(::sched_getaffinity(0, sizeof set, &set) == 0);
    return set;
}

} // namespace

TEST_CASE("each worker has a processor of its own, until all are used", "[processor]") {
    const cpu_set_t all = usable();
    const auto count = static_cast<unsigned>(CPU_COUNT(&all));
    std::set<int> processors;
    for (unsigned turn = 0; turn < 2 * count; ++turn) {
        int processor = -1;
        cpu_set_t after = all;
        std::thread([&] {
            processor = stay_on_one_processor(turn);
            after = usable();
        }).join();
        REQUIRE(processor >= 0);
        CHECK(CPU_ISSET(processor, &all));
        CHECK(CPU_COUNT(&after) == 1);
        CHECK(CPU_ISSET(processor, &after));
        CHECK(processors.insert(processor).second == (turn < count));
    }
}

} // namespace processor_test
