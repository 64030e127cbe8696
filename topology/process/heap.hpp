// How this process's heap treats memory that was freed.
#pragma once

#include <cstddef>

namespace zcomet::process {

/// Makes this process keep the memory of up to four megabytes of freed frames for the next ones.
/// Batches are about as large as what glibc gives back to the system at each free(3): without this
/// a busy process spends most of its time in page faults, and in telling its other threads' cores
/// of pages that are gone. Call once, before any thread starts.
/// @param working_bytes  what the process will need as soon as it is busy, less than those
///     four megabytes: taken at once, so that its memory is flat from the start.
void keep_freed_frames(std::size_t working_bytes);

} // namespace zcomet::process
