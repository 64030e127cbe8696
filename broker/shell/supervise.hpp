// `zcomet-broker --supervise`: a small process that runs the broker as its child and starts it
// again whenever it dies, for hosts without systemd. libzmq 4.3.4 has assertions that a peer can
// reach. One that fails ends the broker; the nodes then tell the next broker everything.
#pragma once

#include "topology/base/time.hpp"

#include <string>
#include <vector>

namespace zcomet::broker::shell {

/// Runs until SIGTERM or SIGINT; then the broker has ended, too.
/// @param arguments  of this process, without its name; the broker gets the same.
/// @param hang_after  a broker whose loop has stood still for so long is killed; zero: never.
/// @return the exit status: 0, or that of a broker that could not start.
/// Throws std::runtime_error if the system can start no process.
/// Thread: the main thread, with no other and no ZeroMQ context.
[[nodiscard]] int supervise(std::vector<std::string> arguments, Duration hang_after);

} // namespace zcomet::broker::shell
