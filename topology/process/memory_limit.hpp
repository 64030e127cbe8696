// How much memory this process may take before the system ends it or another one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::process {

/// The lowest `memory.max` of a control group (version 2) and of the groups that it is in.
/// @param group  as in /proc/self/cgroup, for example "/system.slice/zcomet-broker.service".
/// @param root   where the groups are mounted: /sys/fs/cgroup.
/// @return absent if none of them has a limit.
[[nodiscard]] std::optional<std::uint64_t> group_memory_max(std::string_view group,
                                                            const std::string& root);

/// The group of this process in the text of /proc/self/cgroup; empty if it is in none of version 2.
[[nodiscard]] std::string_view group_in(std::string_view text);

/// The machine's memory, or the limit of this process's control group, whichever is less.
/// Errors: none; what cannot be read does not limit.
[[nodiscard]] std::uint64_t memory_limit();

} // namespace zcomet::process
