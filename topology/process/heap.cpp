#include "topology/process/heap.hpp"

#include "topology/base/check.hpp"

#include <malloc.h>

#include <memory>

namespace zcomet::process {

namespace {
/// Of freed memory, for each heap of the process. Some windows' worth
/// (topology/feed/feed_writer.hpp).
constexpr int kFreedBytesKept = 4 << 20;
} // namespace

void keep_freed_frames(std::size_t working_bytes) {
    static_cast<void>(::mallopt(M_TRIM_THRESHOLD, kFreedBytesKept));
    // Setting one of the two stops glibc from adapting the other. Larger blocks have pages of their
    // own.
    static_cast<void>(::mallopt(M_MMAP_THRESHOLD, kFreedBytesKept));
    // Frames are allocated by ZeroMQ's thread and freed by ours, or the other way round: with a
    // heap for each thread either would hold free memory that the other lacks.
    static_cast<void>(::mallopt(M_ARENA_MAX, 1));
    ZCOMET_ASSERT(working_bytes < static_cast<std::size_t>(kFreedBytesKept));
    constexpr std::size_t kPageBytes = 4096;
    const auto working = std::make_unique_for_overwrite<char[]>(working_bytes);
    for (std::size_t at = 0; at < working_bytes; at += kPageBytes) {
        static_cast<volatile char*>(working.get())[at] = 0; // volatile: not to be optimised away
    }
}

} // namespace zcomet::process
