// The name of a message that may come twice.
#pragma once

#include <cstdint>

namespace zcomet::wire {

/// Names a message that its sender repeats if it hears nothing of it. A node knows repeats by it.
struct Origin {
    std::uint64_t sender = 0; ///< the incarnation; 0: the message has no origin
    std::uint64_t number = 0;
    friend bool operator==(const Origin&, const Origin&) = default;
};

} // namespace zcomet::wire
