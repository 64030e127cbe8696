// Slab and ChunkedArray: indices, reuse, destruction, growth over several chunks.
#include "topology/store/slab.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

namespace slab_test {

using zcomet::store::ChunkedArray;
using zcomet::store::kChunkBytes;
using zcomet::store::Slab;
using zcomet::store::WhenEmpty;

TEST_CASE("slab: indices are dense and the last released is used first", "[slab]") {
    Slab<std::uint64_t> slab;
    REQUIRE(slab.add(10U) == 0);
    REQUIRE(slab.add(11U) == 1);
    REQUIRE(slab.add(12U) == 2);
    slab.release(0);
    slab.release(1);
    REQUIRE(slab.size() == 1);
    REQUIRE(slab.add(21U) == 1);
    REQUIRE(slab.add(20U) == 0);
    REQUIRE(slab.add(23U) == 3);
    REQUIRE(slab[0] == 20);
    REQUIRE(slab[1] == 21);
    REQUIRE(slab[2] == 12);
    REQUIRE(slab.index_bound() == 4);
}

TEST_CASE("slab: addresses stay while it grows over many chunks", "[slab]") {
    Slab<std::array<std::uint64_t, 16>> slab;
    const std::uint32_t first = slab.add();
    slab[first][0] = 7;
    const void* const address = &slab[first];
    for (std::uint32_t i = 1; i < 10'000; ++i) {
        REQUIRE(slab.add() == i);
    }
    REQUIRE(&slab[first] == address);
    REQUIRE(slab[first][0] == 7);
    REQUIRE(slab.memory_bytes() < std::size_t{10'000} * 128 + 2 * zcomet::store::kChunkBytes);
}

TEST_CASE("slab: every record is destroyed exactly once", "[slab]") {
    const auto witness = std::make_shared<int>(1);
    {
        Slab<std::shared_ptr<int>> slab;
        for (std::uint32_t i = 0; i < 5000; ++i) {
            REQUIRE(slab.add(witness) == i);
        }
        for (std::uint32_t i = 0; i < 5000; i += 3) {
            slab.release(i);
        }
        REQUIRE(witness.use_count() == 1 + static_cast<long>(slab.size()));
    }
    REQUIRE(witness.use_count() == 1);
}

TEST_CASE("slab: memory goes back when the last record goes", "[slab]") {
    Slab<std::uint64_t> slab;
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        static_cast<void>(slab.add(i));
    }
    REQUIRE(slab.memory_bytes() >= 800'000);
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        slab.release(i);
    }
    REQUIRE(slab.memory_bytes() < 2 * zcomet::store::kChunkBytes);
    REQUIRE(slab.add(1U) == 0);
}

TEST_CASE("chunked array: new values are the fill, old ones stay", "[slab]") {
    ChunkedArray<std::uint32_t> values;
    values.grow(1, 5);
    values[0] = 9;
    values.grow(100'000, 6);
    REQUIRE(values[0] == 9);
    REQUIRE(values[99'999] == 6);
    values.clear();
    REQUIRE(values.memory_bytes() == 0);
}

TEST_CASE("slab: in slices, memory goes back as its owner has time, or is used again", "[slab]") {
    Slab<std::uint64_t> slab(WhenEmpty::kGiveBackInSlices);
    constexpr std::uint32_t kRecords = 1'000'000;
    const auto fill = [&] {
        for (std::uint32_t i = 0; i < kRecords; ++i) {
            static_cast<void>(slab.add(i));
        }
    };
    const auto empty = [&] {
        for (std::uint32_t i = 0; i < kRecords; ++i) {
            slab.release(i);
        }
    };
    fill();
    const std::size_t full = slab.memory_bytes();
    empty();
    CHECK(slab.memory_bytes() >= full);
    CHECK(slab.has_to_give_back());
    slab.give_back(10);
    CHECK(slab.memory_bytes() <= full - 9 * kChunkBytes);
    fill(); // with what is left
    CHECK(slab.memory_bytes() <= full + kChunkBytes);
    empty();
    int slices = 0;
    for (; slab.has_to_give_back(); ++slices) {
        slab.give_back(10);
    }
    CHECK(slices > 5);
    CHECK(slab.memory_bytes() <= 2 * kChunkBytes);
    CHECK(slab.add(5U) == 0);
}

} // namespace slab_test
