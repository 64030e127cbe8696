// `zcomet-broker --supervise`: a small process that runs the broker as its child and restarts it
// whenever it dies, for hosts without systemd. libzmq 4.3.4 has assertions that a peer can reach. A
// failed one ends the broker; the nodes then tell the next broker everything.
#pragma once

#include "topology/base/time.hpp"

namespace zcomet::broker::shell {

/// Runs until SIGTERM or SIGINT, ends the broker, and returns. SIGHUP reads the log level again,
/// for the broker, too.
/// @param argc, argv  those of main(); the broker gets the same.
/// @param hang_after  a broker whose loop has stood still for this long is killed; zero: never.
/// @return the exit status: 0, or that of a broker that could not start.
/// Throws std::runtime_error if the system cannot start a process.
/// Thread: the main thread, with no other and no ZeroMQ context.
[[nodiscard]] int supervise(int argc, char** argv, Duration hang_after);

} // namespace zcomet::broker::shell
