// Which addresses answer.
#pragma once

#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/net/socket_address.hpp"

#include <optional>
#include <vector>

namespace zcomet::net {

/// One TCP connection that is made to see whether it can be. Thread: one.
class ConnectionAttempt {
  public:
    /// Begins it, and does not wait.
    explicit ConnectionAttempt(const SocketAddress& address);

    /// 0 if the connection stands, or the errno of its failure; nothing if neither is known after
    /// `patience`.
    [[nodiscard]] std::optional<int> result(Duration patience);

  private:
    UniqueFd socket_;
    std::optional<int> result_;
};

/// The first of `addresses`, of which there is one at least, to which a TCP connection can be made;
/// each is tried for up to `patience`. The first of all if none answers, and, without a try, if it
/// is the only one.   Thread: any; waits.
[[nodiscard]] const SocketAddress& first_reachable(const std::vector<SocketAddress>& addresses,
                                                   Duration patience);

} // namespace zcomet::net
