// What a process and all its descendants use, from /proc: a web node is a supervisor and its
// workers, and counts as one.
#pragma once

#include "topology/base/result.hpp"
#include "topology/process/process_memory.hpp"

#include <sys/types.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::tools::memlog {

/// A process and its parent.
using ProcessParent = std::pair<pid_t, pid_t>;

/// From the text of /proc/PID/stat, whose second field may hold blanks and brackets of its own.
/// Absent if the text is not of that form.
[[nodiscard]] std::optional<pid_t> parse_parent(std::string_view stat);

/// `root` and every process that descends from it, each once; `root` comes first.
[[nodiscard]] std::vector<pid_t> descendants(pid_t root,
                                             const std::vector<ProcessParent>& processes);

/// `root` and its descendants as of now, or nothing if `root` is gone.
[[nodiscard]] std::vector<pid_t> process_tree(pid_t root);

/// The sum over `processes`; those that have ended since count as 0.
/// Errors: a process of another user, which we may not look at.
[[nodiscard]] Result<process::ProcessMemory> tree_memory(const std::vector<pid_t>& processes);

} // namespace zcomet::tools::memlog
