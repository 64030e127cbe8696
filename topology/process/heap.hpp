// How this process's heap treats memory that was freed.
#pragma once

#include "topology/base/time.hpp"
#include "topology/process/free_blocks.hpp"

#include <cstddef>
#include <cstdint>

namespace zcomet::process {

/// Larger blocks have pages of their own. So much of what is freed at the end of the heap is kept.
inline constexpr int kFreedBytesKept = 4 << 20;

/// Makes this process keep the memory of up to four megabytes of freed frames for the next ones.
/// Batches are about as large as what glibc gives back to the system at each free(3): without this
/// a busy process spends most of its time in page faults, and in telling its other threads' cores
/// of pages that are gone. Call once, before any thread starts.
/// @param working_bytes  what the process will need as soon as it is busy, less than those
///     four megabytes: taken at once, so that its memory is flat from the start.
void keep_freed_frames(std::size_t working_bytes);

/// Gives memory back to the system when it was freed. glibc does so by itself only at the upper end
/// of the heap, where one small block keeps a gigabyte, and all at once when that block is freed.
/// So it does no more once there is a FreedMemory.
///
/// It looks now and then whether this process has more memory than it once had, and how much of
/// that is free. That goes back if it is kMuch, or less that no peak has needed for kRest. Looking
/// and giving back take many turns if there is much to do. Thread: a loop's, the only one that has
/// this.
class FreedMemory {
  public:
    /// @limit freed memory that a process keeps for its next peak
    static constexpr std::uint64_t kMuch = 32U << 20U;
    /// Less than this, or than a sixteenth of the process, is not worth a trim.
    /// @limit the same once no peak has needed it for a while
    static constexpr std::uint64_t kLittle = 1U << 20U;
    /// @limit time in which no peak needs freed memory, after which it goes back
    static constexpr Duration kRest = 20s;
    /// @limit time between two looks at how much memory is free
    static constexpr Duration kInterval = 2s;
    /// A gigabyte is gone after some hundred turns.
    /// @limit time for which a turn of a process looks for freed memory or gives it back
    static constexpr Duration kSlice = 1ms;

    FreedMemory();

    /// To be called each turn.   Cost: a system call when it is time to look, and up to kSlice if
    /// the process has grown.
    void turn(Time now);
    /// When turn() has something to do: the next look, which waits for a turn that does something
    /// else after the last look; kNever without such a turn.
    [[nodiscard]] Time due() const;
    /// How often memory went back.
    [[nodiscard]] std::uint64_t trims() const { return trims_; }

  private:
    enum class Stage : std::uint8_t {
        kIdle,
        kTaking,    ///< all free blocks, to see how much memory they have
        kGiving,    ///< that memory to the system
        kReleasing, ///< the blocks
    };

    void look();
    void go_on(Time end);
    void decide();

    FreeBlocks blocks_;
    Stage stage_ = Stage::kIdle;
    Time next_ = Time::min();
    bool has_worked_ = false;
    std::uint64_t least_resident_ = UINT64_MAX;
    std::uint64_t excess_ = 0; // as of the last look: so much more than that
    std::uint64_t little_ = 0; // likewise: not worth a trim
    std::uint64_t to_give_ = 0;
    Duration rested_{}; // for so long at least little_ of the excess was free
    std::uint64_t trims_ = 0;
};

} // namespace zcomet::process
