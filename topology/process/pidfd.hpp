// Descriptors that stand for processes (pidfd_open(2)).
#pragma once

#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

namespace zcomet::process {

/// A descriptor that becomes readable when process `pid` ends.
/// @return none, with errno set, if there is no such process, or no descriptor left.
[[nodiscard]] UniqueFd open_pidfd(pid_t pid);

/// Sends a signal to the process that a descriptor stands for. Does nothing if it has ended, even
/// if another process has its number now.
void signal_pidfd(const UniqueFd& pidfd, int number);

} // namespace zcomet::process
