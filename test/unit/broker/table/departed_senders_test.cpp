// DepartedSenders: what is remembered, and for how many.
#include "broker/table/departed_senders.hpp"

#include <catch2/catch.hpp>

namespace departed_senders_test {

using zcomet::broker::table::DepartedSenders;

TEST_CASE("a sender that comes back is known", "[departed_senders]") {
    DepartedSenders senders;
    DepartedSenders::TakenIn seven{7, {}};
    seven.gaps.on_taken_in(7, 7, 3);
    senders.add(1, seven);
    senders.add(2, {});
    CHECK(senders.take(2).highest == 0);
    const auto known = senders.take(1);
    CHECK(known.highest == 7);
    CHECK(known.gaps.has(5));
    CHECK(senders.take(1).highest == 0); // it is here now
    senders.add(1, {9, {}});
    CHECK(senders.take(1).highest == 9);
}

TEST_CASE("the oldest of very many departed senders is forgotten", "[departed_senders]") {
    DepartedSenders senders;
    for (std::uint64_t i = 1; i <= DepartedSenders::kRemembered + 1; ++i) {
        senders.add(i, {i, {}});
    }
    CHECK(senders.take(1).highest == 0);
    CHECK(senders.take(2).highest == 2);
    CHECK(senders.take(DepartedSenders::kRemembered + 1).highest ==
          DepartedSenders::kRemembered + 1);
}

} // namespace departed_senders_test
