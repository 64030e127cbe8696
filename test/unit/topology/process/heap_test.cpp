// Freed memory goes back to the system once it is much.
#include "test/support/sanitized.hpp"
#include "topology/process/heap.hpp"
#include "topology/process/process_memory.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <vector>

namespace heap_test {

using namespace zcomet;
using namespace zcomet::process;

namespace {

std::uint64_t resident_bytes() {
    return process_memory(::getpid()).value().rss_kb * 1024;
}

} // namespace

TEST_CASE("heap: it is trimmed of less when that was not needed for a while", "[heap]") {
    FreedMemory freed;
    Time now = Time{} + 1h;
    const auto turn = [&] {
        now += FreedMemory::kInterval;
        do {
            freed.turn(now);
        } while (freed.due() <= now);
    };
    const auto grow = [](std::size_t bytes) {
        constexpr std::size_t kBlockBytes = 65'536;
        std::vector<std::unique_ptr<char[]>> blocks;
        for (std::size_t i = 0; i < bytes / kBlockBytes; ++i) {
            blocks.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
            std::memset(blocks.back().get(), 1, kBlockBytes);
        }
        return blocks;
    };
    turn();
    const auto kept = grow(2 * FreedMemory::kLittle);
    auto peak = grow(FreedMemory::kMuch / 2);
    const auto end = grow(FreedMemory::kLittle); // keeps the end of the heap
    turn();
    peak.clear();
    constexpr auto kLooks = FreedMemory::kRest / FreedMemory::kInterval;
    for (int i = 0; i < kLooks - 1; ++i) {
        turn();
        CHECK(freed.trims() == 0);
    }
    turn();
    CHECK(freed.trims() == (test::kSanitized ? 0 : 1));
}

TEST_CASE("heap: it is trimmed when much of it has become free, and not again", "[heap]") {
    FreedMemory freed;
    Time now = Time{} + 1h;
    const auto turn = [&] {
        now += FreedMemory::kInterval;
        do {
            freed.turn(now);
        } while (freed.due() <= now);
    };
    turn();
    CHECK(freed.due() == kNever);
    freed.turn(now + 1ms); // something was done since
    CHECK(freed.due() == now + FreedMemory::kInterval);
    const std::uint64_t before = resident_bytes();

    constexpr std::size_t kBlockBytes = 65'536;
    constexpr std::size_t kBlocks = 3 * FreedMemory::kMuch / kBlockBytes;
    std::vector<std::unique_ptr<char[]>> blocks;
    for (std::size_t i = 0; i < kBlocks; ++i) {
        blocks.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
        std::memset(blocks.back().get(), 1, kBlockBytes);
    }
    turn();
    CHECK(freed.trims() == 0);                      // all of it is in use
    blocks.erase(blocks.begin(), blocks.end() - 1); // the last one keeps the end of the heap
    turn();
    const std::uint64_t trims = test::kSanitized ? 0 : 1; // sanitizers have a heap of their own
    CHECK(freed.trims() == trims);
    if (!test::kSanitized) {
        CHECK(resident_bytes() < before + FreedMemory::kMuch / 16);
    }
    turn();
    CHECK(freed.trims() == trims);
}

TEST_CASE("heap: what is freed at its end does not go back all at once", "[heap]") {
    const FreedMemory freed;
    constexpr std::size_t kBlockBytes = 65'536;
    std::vector<std::unique_ptr<char[]>> blocks;
    for (std::size_t i = 0; i < FreedMemory::kMuch / kBlockBytes; ++i) {
        blocks.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
        std::memset(blocks.back().get(), 1, kBlockBytes);
    }
    const std::uint64_t before = resident_bytes();
    blocks.clear();
    if (!test::kSanitized) {
        CHECK(resident_bytes() > before - FreedMemory::kMuch / 2);
    }
}

} // namespace heap_test
