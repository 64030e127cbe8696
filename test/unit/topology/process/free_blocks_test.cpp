// Free blocks of the heap are taken, give their pages back some at a time, and are free again.
#include "test/support/sanitized.hpp"
#include "topology/process/free_blocks.hpp"
#include "topology/process/process_memory.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace free_blocks_test {

using namespace zcomet;
using namespace zcomet::process;

namespace {

constexpr std::size_t kMegabyte = 1U << 20U;

std::size_t resident_bytes() {
    return process_memory(::getpid()).value().rss_kb * 1024;
}

/// Blocks of different sizes, each filled with a byte of its own.
class Blocks {
  public:
    explicit Blocks(std::size_t bytes) {
        for (std::size_t sum = 0; sum < bytes; sum += sizes_.back()) {
            sizes_.push_back(1000 + sizes_.size() * 7919 % 50'000);
            blocks_.push_back(std::make_unique_for_overwrite<char[]>(sizes_.back()));
            std::memset(blocks_.back().get(), fill_of(sizes_.size() - 1), sizes_.back());
        }
    }
    /// Frees all but one in eight, each of which keeps its neighbours apart.
    void free_most() {
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            if (i % 8 != 0) {
                blocks_[i].reset();
            }
        }
    }
    [[nodiscard]] bool are_whole() const {
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            const char* const begin = blocks_[i].get();
            if (begin != nullptr && std::count(begin, begin + sizes_[i], fill_of(i)) !=
                                        static_cast<std::ptrdiff_t>(sizes_[i])) {
                return false;
            }
        }
        return true;
    }

  private:
    static char fill_of(std::size_t index) { return static_cast<char>(1 + index % 100); }
    std::vector<std::size_t> sizes_;
    std::vector<std::unique_ptr<char[]>> blocks_;
};

void take_all(FreeBlocks& free) {
    while (free.take(Time::min())) { // a block each time
    }
}

} // namespace

TEST_CASE("free blocks: what is free goes back, and what is in use stays as it is", "[heap]") {
    constexpr std::size_t kBytes = 64 * kMegabyte;
    Blocks blocks(kBytes);
    blocks.free_most();
    const std::size_t before = resident_bytes();
    FreeBlocks free;
    take_all(free);
    if (test::kSanitized) { // sanitizers have a heap of their own
        CHECK(free.resident_bytes() == 0);
        return;
    }
    CHECK(free.resident_bytes() > kBytes / 2);
    CHECK(resident_bytes() < before + kMegabyte); // no new memory was taken
    const std::size_t all = free.resident_bytes();
    std::size_t given = 0;
    while (const std::size_t bytes = free.give_back(1, Time::min())) {
        CHECK(bytes <= kMegabyte); // a block each time
        given += bytes;
    }
    CHECK(given == all);
    CHECK(resident_bytes() < before - all + kMegabyte);
    while (free.release(Time::min())) {
    }
    CHECK(blocks.are_whole());

    // They are free: the heap needs no new memory for them.
    take_all(free);
    CHECK(free.resident_bytes() < all / 8);
    CHECK(resident_bytes() < before - all + 2 * kMegabyte);
    CHECK(blocks.are_whole());
}

TEST_CASE("free blocks: no more goes back than was asked for, and a block", "[heap]") {
    Blocks blocks(16 * kMegabyte);
    blocks.free_most();
    FreeBlocks free;
    take_all(free);
    if (!test::kSanitized) {
        const std::size_t given = free.give_back(4 * kMegabyte, kNever);
        CHECK(given >= 4 * kMegabyte);
        CHECK(given < 5 * kMegabyte);
    }
}

} // namespace free_blocks_test
