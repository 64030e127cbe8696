// Descriptors that stand for processes (pidfd_open(2)).
#pragma once

#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

namespace zcomet::process {

/// A descriptor that becomes readable when process `pid` ends.
/// @return none, with errno set, if there is no such process, or no descriptor left.
[[nodiscard]] UniqueFd open_pidfd(pid_t pid);

/// Sends a signal to the process that a descriptor stands for, and to no other that has got its
/// number since. Does nothing if it has ended.
void signal_pidfd(const UniqueFd& pidfd, int number);

} // namespace zcomet::process
