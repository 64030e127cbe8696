// Which of a host's addresses answers.
#pragma once

#include "topology/base/time.hpp"
#include "topology/net/socket_address.hpp"

#include <vector>

namespace zcomet::net {

/// The first of `addresses`, of which there is one at least, to which a TCP connection can be made;
/// each is tried for up to `patience`. The first of all if none answers, and, without a try, if it
/// is the only one.   Thread: any; waits.
[[nodiscard]] const SocketAddress& first_reachable(const std::vector<SocketAddress>& addresses,
                                                   Duration patience);

} // namespace zcomet::net
