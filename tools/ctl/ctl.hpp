// The commands of zcomet-ctl: each asks the brokers something and prints the answer.
#pragma once

#include "topology/base/time.hpp"
#include "topology/cluster/broker_list.hpp"
#include "topology/link/security.hpp"

#include <string>

namespace zcomet::tools::ctl {

struct CtlOptions {
    cluster::BrokerList brokers;
    Duration timeout = 3s;
    std::string key_file = {};    ///< of --key
    link::Security security = {}; ///< by that file
    bool json = false;            ///< print JSON, one line, instead of text
};

/// Each prints to standard output, and to standard error which of several brokers did not answer.
/// Errors: each throws std::runtime_error with one sentence if no broker answers in time, or all
/// refuse; at once if nothing listens at the ports.
void ctl_nodes(const CtlOptions& options);
/// @return whether a node has streams of the id.
[[nodiscard]] bool ctl_who(const CtlOptions& options, const std::string& id);
void ctl_stats(const CtlOptions& options);
/// Has a web node drain.
/// @param name  of the web node, or of one of its workers.
/// @return whether a broker knows it.
[[nodiscard]] bool ctl_drain(const CtlOptions& options, const std::string& name);
/// @param patience  messages may be on their way: asks again until the sums agree, or so long.
/// @return whether they do, and all brokers have answered.
[[nodiscard]] bool ctl_ledger(const CtlOptions& options, Duration patience);
/// @param count  1 or more round trips, a second apart.
void ctl_ping(const CtlOptions& options, unsigned count);

} // namespace zcomet::tools::ctl
