// Waiting for one descriptor without a loop, which would need a descriptor of its own.
#pragma once

#include "topology/base/time.hpp"

namespace zcomet::loop {

/// Waits until `fd` is readable, its other end is gone, or `deadline` has come; with a time in the
/// past it looks and returns at once. A signal's handler does not end the wait.
/// @return whether `fd` is readable. Errors: none; a descriptor that cannot be waited for counts as
/// not readable.
[[nodiscard]] bool await_readable(int fd, Time deadline);

} // namespace zcomet::loop
