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
/// A trim is worth its time for so much of the process's memory, one in.
constexpr std::uint64_t kWorthPart = 16;
} // namespace

void keep_freed_frames(std::size_t working_bytes) {
    static_cast<void>(::mallopt(M_TRIM_THRESHOLD, kFreedBytesKept));
    // Setting one of the two stops glibc from adapting the other. Larger blocks have pages of their
    // own.
    static_cast<void>(::mallopt(M_MMAP_THRESHOLD, kFreedBytesKept));
    // Small blocks that are freed are joined with their neighbours at once. Otherwise glibc puts
    // blocks of up to 128 bytes aside, and joins them all at once at the next large block: 10 ms
    // after the peers of a large network have gone.
    static_cast<void>(::mallopt(M_MXFAST, 0));
    // Frames are allocated by ZeroMQ's thread and freed by ours, or the other way round: with a
    // heap for each thread either would hold free memory that the other lacks.
    static_cast<void>(::mallopt(M_ARENA_MAX, 1));
    ZCOMET_ASSERT(working_bytes < static_cast<std::size_t>(kFreedBytesKept));
    constexpr std::size_t kStrideBytes = 4096; // a page
    const auto working = std::make_unique_for_overwrite<char[]>(working_bytes);
    for (std::size_t at = 0; at < working_bytes; at += kStrideBytes) {
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

FreedMemory::FreedMemory() {
    constexpr int kNeverByItself = -1;
    static_cast<void>(::mallopt(M_TRIM_THRESHOLD, kNeverByItself));
}

Time FreedMemory::due() const {
    if (stage_ != Stage::kIdle) {
        return Time::min();
    }
    return has_worked_ ? next_ : kNever;
}

void FreedMemory::turn(Time now) {
    if (stage_ == Stage::kIdle) {
        if (now < next_) {
            has_worked_ = true;
            return;
        }
        next_ = now + kInterval;
        has_worked_ = false;
        look();
    }
    if (stage_ != Stage::kIdle) {
        go_on(Clock::now() + kSlice);
    }
}

void FreedMemory::look() {
    const std::uint64_t resident = resident_bytes();
    least_resident_ = std::min(least_resident_, resident);
    excess_ = resident - least_resident_;
    little_ = std::max(kLittle, resident / kWorthPart);
    if (excess_ < little_) {
        rested_ = {};
        return; // it cannot be worth it, and the next question costs more
    }
    stage_ = Stage::kTaking;
}

void FreedMemory::go_on(Time end) {
    if (stage_ == Stage::kTaking && !blocks_.take(end)) {
        decide();
    }
    if (stage_ == Stage::kGiving) {
        const std::uint64_t given = blocks_.give_back(to_give_, end);
        to_give_ -= std::min(to_give_, given);
        if (given == 0 || to_give_ == 0) {
            stage_ = Stage::kReleasing;
        }
    }
    if (stage_ == Stage::kReleasing && !blocks_.release(end)) {
        stage_ = Stage::kIdle;
    }
}

void FreedMemory::decide() {
    to_give_ = std::min<std::uint64_t>(blocks_.resident_bytes(), excess_);
    rested_ = to_give_ < little_ ? Duration{} : rested_ + kInterval;
    if (to_give_ < kMuch && rested_ < kRest) {
        stage_ = Stage::kReleasing;
        return;
    }
    stage_ = Stage::kGiving;
    ++trims_;
    rested_ = {};
}

} // namespace zcomet::process
