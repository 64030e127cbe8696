// Waiting for something that no descriptor reports: asks again and again, up to a deadline.
#pragma once

#include "topology/base/time.hpp"

#include <thread>

namespace zcomet::test {

/// How long a test waits for something that should happen at once. Generous: only a failure takes
/// that long, and the machine may be busy or the program sanitized.
inline constexpr Duration kSoon = 15s;

/// Calls `holds` until it returns true or `timeout` is over. @return its last answer.
template <typename Predicate>
[[nodiscard]] bool eventually(Predicate&& holds, Duration timeout = kSoon) {
    const Time deadline = Clock::now() + timeout;
    while (!holds()) {
        if (Clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

} // namespace zcomet::test
