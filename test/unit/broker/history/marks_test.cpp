// Marks against a list that is walked.
#include "broker/history/marks.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <deque>
#include <random>

namespace marks_test {

using namespace zcomet::broker::history;

namespace {

struct Block {
    std::uint64_t position = 0;
};
using BlockMarks = Marks<Block>;

/// A list and its marks.
struct List {
    std::deque<Block> blocks; // a deque moves no block
    BlockMarks marks;
    std::uint64_t position = 0;

    void add(std::uint64_t step) {
        blocks.push_back({position += step});
        marks.on_added(&blocks.back(), static_cast<std::uint32_t>(blocks.size() - 1));
    }
    void drop_first() {
        marks.on_first_dropped();
        blocks.pop_front();
    }
    /// The place of a block in the list; of nullptr, that of the first.
    [[nodiscard]] std::uint32_t place_of(const Block* block) const {
        std::uint32_t place = 0;
        while (block != nullptr && &blocks[place] != block) {
            ++place;
        }
        return place;
    }
    /// The number of blocks at or before that position.
    [[nodiscard]] std::uint32_t count_through(std::uint64_t at) const {
        std::uint32_t count = 0;
        while (count < blocks.size() && blocks[count].position <= at) {
            ++count;
        }
        return count;
    }
};

void check_all(const List& list) {
    for (std::uint32_t place = 0; place < list.blocks.size(); ++place) {
        const BlockMarks::Near near = list.marks.near_place(place);
        REQUIRE(list.place_of(near.block) + near.further == place);
        REQUIRE(near.further <= BlockMarks::kEach);
        for (const std::uint64_t at :
             {list.blocks[place].position - 1, list.blocks[place].position}) {
            const Block* const block = list.marks.at_or_before(at);
            const std::uint32_t through = list.count_through(at);
            REQUIRE((block == nullptr || block->position <= at));
            REQUIRE(through - list.place_of(block) <= BlockMarks::kEach);
        }
    }
}

} // namespace

TEST_CASE("marks lead near each place of a list", "[marks]") {
    List list;
    for (int i = 0; i < 200; ++i) {
        list.add(1);
    }
    check_all(list);
    CHECK(list.marks.near_place(199).block != nullptr);
    CHECK(list.marks.at_or_before(0) == nullptr);
}

TEST_CASE("a short list has no marks", "[marks]") {
    List list;
    for (std::uint32_t i = 0; i < BlockMarks::kEach; ++i) {
        list.add(1);
    }
    CHECK(list.marks.heap_bytes() == 0);
    check_all(list);
}

TEST_CASE("marks take at most a byte a message", "[marks]") {
    List list;
    for (int i = 0; i < 20'000; ++i) {
        list.add(1);
        if (list.blocks.size() > 10'000) {
            list.drop_first();
        }
        REQUIRE(list.marks.heap_bytes() <= list.blocks.size());
    }
    while (list.blocks.size() > BlockMarks::kEach) {
        list.drop_first();
        REQUIRE(list.marks.heap_bytes() <= list.blocks.size());
    }
}

TEST_CASE("property: marks of a list that grows and shrinks", "[marks]") {
    const auto seed = GENERATE(range(1U, 20U));
    std::minstd_rand random(seed);
    List list;
    for (int round = 0; round < 40; ++round) {
        const auto adds = random() % 80;
        for (unsigned i = 0; i < adds; ++i) {
            list.add(1 + random() % 3);
        }
        const auto drops = random() % 80;
        for (unsigned i = 0; i < drops && !list.blocks.empty(); ++i) {
            list.drop_first();
        }
        check_all(list);
    }
}

} // namespace marks_test
