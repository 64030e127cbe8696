// How many files (descriptors) this process may have open.
#pragma once

#include <cstdint>

namespace zcomet::process {

/// The hard limit of open files, which children inherit: what raise_file_limit() would return.
[[nodiscard]] std::uint64_t file_limit_max();

/// Raises the soft limit of open files to the hard one: the usual soft limit of 1024 is soon
/// reached. @return the limit that holds now.
std::uint64_t raise_file_limit();

} // namespace zcomet::process
