// An ordinary connection attempt, to learn why ZeroMQ's does not succeed: ZeroMQ tries again and
// again, and tells nobody the reason.
#pragma once

#include "topology/net/reachable.hpp"
#include "topology/wire/endpoint.hpp"

#include <optional>

namespace zcomet::link {

/// Never waits. Thread: one.
class ConnectProbe {
  public:
    /// Begins to connect. The host is an IPv4 or IPv6 address; to any other nothing is tried.
    explicit ConnectProbe(const wire::HostPort& where);

    /// The errno of a connection that is refused, or has no way to the host. Absent: it has not
    /// failed, as far as is known by now.
    [[nodiscard]] std::optional<int> refusal();

  private:
    std::optional<net::ConnectionAttempt> attempt_;
};

} // namespace zcomet::link
