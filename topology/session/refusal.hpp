// What a session does after a permanent refusal.
#pragma once

#include "topology/base/time.hpp"

namespace zcomet::session {

/// How long to wait before saying HELLO again to a broker that refused us permanently (another
/// version, another process with our name): an operator has to change something first.
/// @limit pause before a refused node or sender says HELLO again
inline constexpr Duration kAfterRefusal = 10s;

} // namespace zcomet::session
