// Slab and ChunkedArray: indices, reuse, destruction, growth over several chunks.
#include "topology/store/slab.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using zcomet::store::ChunkedArray;
using zcomet::store::Slab;

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
        REQUIRE(slab.add(i) == i);
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
