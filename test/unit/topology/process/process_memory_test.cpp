#include "topology/process/process_memory.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

namespace process_memory_test {

using namespace zcomet;
using namespace zcomet::process;

TEST_CASE("the sums of smaps_rollup are read", "[process_memory]") {
    const ProcessMemory memory = parse_smaps_rollup("00400000-7fff0000 ---p 00000000 00:00 0  "
                                                    "[rollup]\n"
                                                    "Rss:               12488 kB\n"
                                                    "Pss:                3229 kB\n"
                                                    "Pss_Dirty:          1000 kB\n");
    CHECK(memory.rss_kb == 12488);
    CHECK(memory.pss_kb == 3229);
}

TEST_CASE("missing or cut values count as 0", "[process_memory]") {
    for (const char* text : {"", "\n", "\nRss:", "\nRss:   ", "Rss: 5 kB\n", "\nRss: x kB\n"}) {
        CHECK(parse_smaps_rollup(text).rss_kb == 0);
    }
}

TEST_CASE("a process can be looked at, and one that is gone has nothing", "[process_memory]") {
    const ProcessMemory own = process_memory(::getpid()).value();
    CHECK(own.rss_kb > 0);
    CHECK(own.pss_kb > 0);
    CHECK(own.pss_kb <= own.rss_kb);
    CHECK(process_memory(0).value().rss_kb == 0);
}

} // namespace process_memory_test
