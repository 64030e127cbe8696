// How this process's heap treats memory that was freed.
#pragma once

#include "topology/base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace zcomet::process {

/// Makes this process keep the memory of up to four megabytes of freed frames for the next ones.
/// Batches are about as large as what glibc gives back to the system at each free(3): without this
/// a busy process spends most of its time in page faults, and in telling its other threads' cores
/// of pages that are gone. Call once, before any thread starts.
/// @param working_bytes  what the process will need as soon as it is busy, less than those
///     four megabytes: taken at once, so that its memory is flat from the start.
void keep_freed_frames(std::size_t working_bytes);

/// Gives memory back to the system when it was freed. glibc does so by itself only at the upper end
/// of the heap, where one small block keeps a gigabyte. It looks now and then, and trims the heap
/// when this process has grown and as much of the heap has become free since the last time: by
/// kMuch at once, by less once no peak has needed that memory for kRest. Trimming takes a
/// millisecond for some 20 MiB. Thread: a loop's.
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

    /// To be called each turn.   Cost: a system call or two when it is time to look, and a step
    /// for each free block of the heap if the process has grown much.
    void turn(Time now);
    /// When turn() looks again; kNever if no turn was taken since the last look.
    [[nodiscard]] Time due() const { return has_worked_ ? next_ : kNever; }
    [[nodiscard]] std::uint64_t trims() const { return trims_; }

  private:
    void look();

    Time next_ = Time::min();
    bool has_worked_ = false;
    std::uint64_t least_resident_ = UINT64_MAX;
    std::uint64_t least_free_ = 0; // since the last trim
    Duration rested_{};            // for so long at least kLittle more than that was free
    std::uint64_t trims_ = 0;
};

} // namespace zcomet::process
