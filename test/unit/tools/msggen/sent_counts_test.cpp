// Goal: the counts are printed one id a line, in the order of the numbers.
#include "tools/msggen/sent_counts.hpp"

#include <catch2/catch.hpp>

#include <sstream>

namespace sent_counts_test {

TEST_CASE("counts are written in the order of the ids' numbers", "[sent_counts]") {
    zcomet::tools::msggen::SentCounts counts;
    std::ostringstream out;
    counts.write(out);
    CHECK(out.str().empty());
    for (const std::uint64_t id : {10U, 2U, 10U, 1U, 10U}) {
        counts.add(id);
    }
    counts.write(out);
    CHECK(out.str() == "1\t1\n2\t1\n10\t3\n");
}

} // namespace sent_counts_test
