// Goal: one host's questions do not keep another's waiting, and the host with most makes room.
#include "webnode/hook/fair_queue.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace zcomet::webnode::hook {
namespace fair_queue_test {

std::vector<std::uint64_t> take_all(FairQueue& queue) {
    std::vector<std::uint64_t> taken;
    while (const auto number = queue.take()) {
        taken.push_back(*number);
    }
    return taken;
}

TEST_CASE("hosts take turns, and each host's questions keep their order", "[fair_queue]") {
    FairQueue queue;
    for (std::uint64_t number = 1; number <= 4; ++number) {
        queue.add(7, number);
    }
    queue.add(8, 5);
    queue.add(9, 6);
    queue.add(9, 7);
    CHECK(take_all(queue) == std::vector<std::uint64_t>{1, 5, 6, 2, 7, 3, 4});
}

TEST_CASE("a host that comes back has one turn, not two", "[fair_queue]") {
    FairQueue queue;
    queue.add(7, 1);
    queue.add(8, 2);
    queue.remove(7, 1);
    queue.add(7, 3);
    queue.add(7, 4);
    CHECK(take_all(queue) == std::vector<std::uint64_t>{3, 2, 4});
}

TEST_CASE("a question that was removed is not taken", "[fair_queue]") {
    FairQueue queue;
    queue.add(7, 1);
    queue.add(7, 2);
    CHECK(queue.remove(7, 1));
    CHECK_FALSE(queue.remove(7, 1));
    CHECK_FALSE(queue.remove(8, 2));
    CHECK(queue.take() == 2);
    CHECK_FALSE(queue.take().has_value());
}

TEST_CASE("the host with most makes room for those with fewer", "[fair_queue]") {
    FairQueue queue;
    CHECK_FALSE(queue.newest_of_larger(8).has_value());
    queue.add(7, 1);
    queue.add(7, 2);
    queue.add(8, 3);
    CHECK(queue.newest_of_larger(8) == 2);
    CHECK(queue.newest_of_larger(9) == 2);
    CHECK_FALSE(queue.newest_of_larger(7).has_value());
    queue.add(8, 4);
    CHECK_FALSE(queue.newest_of_larger(8).has_value());
}

} // namespace fair_queue_test
} // namespace zcomet::webnode::hook
