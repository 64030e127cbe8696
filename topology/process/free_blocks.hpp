// The free blocks of this process's heap, held for a while, so that their pages can go back to the
// system some at a time. malloc_trim(3) does all of it in one call, which keeps every other
// allocation of the process waiting: 100 ms for a gigabyte, whichever thread calls it.
//
// A block that malloc(3) hands out is ours. Its whole pages may go (madvise(2)), and when it is
// freed it is free memory again, without pages. To get free blocks and no new memory, a request
// that the heap has no free block for is made to take pages of its own, and is given up then.
#pragma once

#include "topology/base/time.hpp"

#include <cstddef>

namespace zcomet::process {

/// Thread: one. Other threads may allocate and free meanwhile.
/// Each step does as much as it can until `end`, or one block.
class FreeBlocks {
  public:
    FreeBlocks() = default;
    ~FreeBlocks();
    FreeBlocks(const FreeBlocks&) = delete;
    FreeBlocks& operator=(const FreeBlocks&) = delete;

    /// Takes free blocks that may have a whole page, large ones first.
    /// @return whether there may be more.
    bool take(Time end);
    /// The whole pages of the blocks taken so far that have memory.
    [[nodiscard]] std::size_t resident_bytes() const { return resident_bytes_; }
    /// Gives pages back, of large blocks first, until it was `bytes` or a little more.
    /// @return how much that was; 0: none are left.
    std::size_t give_back(std::size_t bytes, Time end);
    /// Frees the blocks.   @return whether there are more.
    bool release(Time end);

  private:
    /// At the beginning of each block.
    struct Block {
        Block* next;
        std::size_t bytes;
        std::size_t resident_bytes; // of its whole pages, as of take()
    };

    [[nodiscard]] static Block* take_one(std::size_t bytes);
    void add(Block* block);

    std::size_t size_ = 0; // which of the sizes is to be taken next
    Block* first_ = nullptr;
    Block* last_ = nullptr;
    Block* next_to_give_ = nullptr;
    std::size_t resident_bytes_ = 0;
};

} // namespace zcomet::process
