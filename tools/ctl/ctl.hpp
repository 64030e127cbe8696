// The commands of zcomet-ctl: each asks one broker something and prints the answer.
#pragma once

#include "topology/base/time.hpp"
#include "topology/link/security.hpp"

#include <string>

namespace zcomet::tools::ctl {

struct CtlOptions {
    std::string broker; ///< "tcp://HOST:PORT"
    Duration timeout = 3s;
    std::string key_file = {};    ///< of --key
    link::Security security = {}; ///< by that file
    bool json = false;            ///< print the broker's JSON, one line, instead of text
};

/// Each prints to standard output. Errors: each throws std::runtime_error with one sentence if no
/// broker answers in time, or refuses; at once if nothing listens at the broker's port.
void ctl_nodes(const CtlOptions& options);
/// @return whether a node has streams of the id.
[[nodiscard]] bool ctl_who(const CtlOptions& options, const std::string& id);
void ctl_stats(const CtlOptions& options);
/// @param patience  messages may be on their way: asks again until the sums agree, or so long.
/// @return whether they do.
[[nodiscard]] bool ctl_ledger(const CtlOptions& options, Duration patience);
/// @param count  1 or more round trips, a second apart.
void ctl_ping(const CtlOptions& options, unsigned count);

} // namespace zcomet::tools::ctl
