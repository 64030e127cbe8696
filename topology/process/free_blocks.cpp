#include "topology/process/free_blocks.hpp"

#include "topology/process/heap.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace zcomet::process {

namespace {

constexpr std::size_t kPageBytes = 4096;
/// In steps of about three quarters, so that at most a quarter of a free block is left over. Those
/// of less than two pages may have one whole page: where small blocks keep the heap apart, most of
/// what is free is in such.
constexpr std::array<std::size_t, 19> kQuarterPages{
    1024, 768, 576, 432, 324, 244, 180, 136, 100, 76, 56, 40, 28, 20, 12, 8, 7, 6, 5};
constexpr std::size_t kMostPages = kQuarterPages.front() / 4;

/// What glibc adds to a block. A request of a multiple of pages less this takes just these pages.
constexpr std::size_t kOverheadBytes = 16;

constexpr std::size_t bytes_of(std::size_t quarter_pages) {
    return quarter_pages * kPageBytes / 4 - kOverheadBytes;
}

/// Requests that no free block of the heap is large enough for get pages of their own meanwhile.
class OnlyFreeBlocks {
  public:
    OnlyFreeBlocks() { static_cast<void>(::mallopt(M_MMAP_THRESHOLD, kPageBytes)); }
    ~OnlyFreeBlocks() { static_cast<void>(::mallopt(M_MMAP_THRESHOLD, kFreedBytesKept)); }
    OnlyFreeBlocks(const OnlyFreeBlocks&) = delete;
    OnlyFreeBlocks& operator=(const OnlyFreeBlocks&) = delete;
};

/// Whether the block is one of the heap, and not pages of its own. An allocator other than glibc's,
/// as that of a sanitizer, has all blocks elsewhere.
bool is_of_heap(void* block, std::size_t bytes) {
    const auto end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
    return reinterpret_cast<std::uintptr_t>(block) < end &&
           ::malloc_usable_size(block) < bytes + kPageBytes / 2;
}

struct Pages {
    char* begin;
    std::size_t bytes;
};

/// The whole pages of a block, but for its beginning.
Pages pages_of(void* block, std::size_t head_bytes, std::size_t bytes) {
    char* const begin = static_cast<char*>(block) + head_bytes;
    const std::size_t skipped =
        (kPageBytes - reinterpret_cast<std::uintptr_t>(begin) % kPageBytes) % kPageBytes;
    const std::size_t left = bytes - head_bytes - skipped;
    return {begin + skipped, left / kPageBytes * kPageBytes};
}

std::size_t resident_bytes_of(const Pages& pages) {
    std::array<unsigned char, kMostPages> is_there{};
    if (::mincore(pages.begin, pages.bytes, is_there.data()) != 0) {
        return pages.bytes;
    }
    const auto count = std::count_if(is_there.begin(), is_there.end(),
                                     [](unsigned char flags) { return (flags & 1U) != 0; });
    return static_cast<std::size_t>(count) * kPageBytes;
}

} // namespace

FreeBlocks::~FreeBlocks() {
    release(kNever);
}

bool FreeBlocks::take(Time end) {
    const OnlyFreeBlocks only;
    do {
        if (Block* const block = take_one(bytes_of(kQuarterPages[size_]))) {
            add(block);
        } else {
            ++size_;
        }
    } while (size_ < kQuarterPages.size() && Clock::now() < end);
    return size_ < kQuarterPages.size();
}

FreeBlocks::Block* FreeBlocks::take_one(std::size_t bytes) {
    void* const memory = std::malloc(bytes);
    if (memory == nullptr || !is_of_heap(memory, bytes)) {
        std::free(memory);
        return nullptr;
    }
    const Pages pages = pages_of(memory, sizeof(Block), bytes);
    return ::new (memory) Block{nullptr, bytes, resident_bytes_of(pages)};
}

void FreeBlocks::add(Block* block) {
    resident_bytes_ += block->resident_bytes;
    (last_ == nullptr ? first_ : last_->next) = block;
    last_ = block;
    next_to_give_ = next_to_give_ == nullptr ? block : next_to_give_;
}

std::size_t FreeBlocks::give_back(std::size_t bytes, Time end) {
    std::size_t given = 0;
    while (next_to_give_ != nullptr && given < bytes && (given == 0 || Clock::now() < end)) {
        Block* const block = std::exchange(next_to_give_, next_to_give_->next);
        if (block->resident_bytes > 0) {
            const Pages pages = pages_of(block, sizeof(Block), block->bytes);
            static_cast<void>(::madvise(pages.begin, pages.bytes, MADV_DONTNEED));
            given += block->resident_bytes;
        }
    }
    return given;
}

bool FreeBlocks::release(Time end) {
    next_to_give_ = nullptr;
    while (first_ != nullptr) {
        std::free(std::exchange(first_, first_->next));
        if (Clock::now() >= end) {
            break;
        }
    }
    if (first_ != nullptr) {
        return true;
    }
    last_ = nullptr;
    resident_bytes_ = 0;
    size_ = 0;
    return false;
}

} // namespace zcomet::process
