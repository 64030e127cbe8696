#include "topology/process/heap.hpp"

#include "topology/base/check.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

namespace zcomet::process {

namespace {
/// Of freed memory, for each heap of the process. Some windows' worth
/// (topology/feed/feed_writer.hpp).
constexpr int kFreedBytesKept = 4 << 20;
/// A trim is worth its time for so much of the process's memory, one in.
constexpr std::uint64_t kWorthPart = 16;
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

namespace {

/// Resident bytes of this process; 0 if the system does not say.
std::uint64_t resident_bytes() {
    const UniqueFd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
    std::array<char, 128> text{};
    const ssize_t length = file.valid() ? ::read(file.get(), text.data(), text.size() - 1) : -1;
    unsigned long long size = 0;
    unsigned long long resident = 0;
    if (length <= 0 || std::sscanf(text.data(), "%llu %llu", &size, &resident) != 2) {
        return 0;
    }
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

void FreedMemory::turn(Time now) {
    if (now < next_) {
        has_worked_ = true;
        return;
    }
    next_ = now + kInterval;
    has_worked_ = false;
    look();
}

void FreedMemory::look() {
    const std::uint64_t resident = resident_bytes();
    least_resident_ = std::min(least_resident_, resident);
    const std::uint64_t little = std::max(kLittle, resident / kWorthPart);
    if (resident < least_resident_ + little) {
        rested_ = {};
        return; // it cannot be worth it, and the next question costs more
    }
    const std::uint64_t free = ::mallinfo2().fordblks; // whether trimmed or not
    least_free_ = std::min(least_free_, free);
    const std::uint64_t freed = free - least_free_;
    rested_ = freed < little ? Duration{} : rested_ + kInterval;
    if (freed < kMuch && rested_ < kRest) {
        return;
    }
    ::malloc_trim(kFreedBytesKept);
    ++trims_;
    least_free_ = free;
    rested_ = {};
}

} // namespace zcomet::process
