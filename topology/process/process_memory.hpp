// How much memory a process has, as the kernel counts it.
#pragma once

#include "topology/base/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string_view>

namespace zcomet::process {

struct ProcessMemory {
    std::uint64_t rss_kb = 0; ///< resident, shared pages counted whole
    std::uint64_t pss_kb = 0; ///< resident, shared pages counted by their share: these add up

    ProcessMemory& operator+=(const ProcessMemory& other) {
        rss_kb += other.rss_kb;
        pss_kb += other.pss_kb;
        return *this;
    }
};

/// From the text of /proc/PID/smaps_rollup. A value that is not in it is 0.
[[nodiscard]] ProcessMemory parse_smaps_rollup(std::string_view text);

/// All 0 for a process that is gone.   Errors: a process of another user, which we may not look at.
[[nodiscard]] Result<ProcessMemory> process_memory(pid_t pid);

} // namespace zcomet::process
