// Waiting for one descriptor where a loop would be too much: it needs no descriptor of its own.
#pragma once

#include "topology/base/time.hpp"

namespace zcomet::loop {

/// Waits until `fd` is readable, or its other end is gone, or `deadline` has come; a time in the
/// past: looks, and returns at once. Signals' handlers do not end the wait.
/// @return whether it is readable. Errors: none; what cannot be waited for is not readable.
[[nodiscard]] bool await_readable(int fd, Time deadline);

} // namespace zcomet::loop
