// zcomet-ctl reconcile: the logs of a sender and of streams, read and compared. Asks no broker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::tools::ctl {

struct ReconcileOptions {
    std::string sent;                  ///< a log of zcomet-msggen, or several behind each other
    std::vector<std::string> received; ///< logs of zcomet-floodtest, one or more
    double grace_ms = 1000;            ///< see Reconciler
    bool allows_gaps = false; ///< a message may be missing if its stream was told so in its place
    bool json = false;
};

/// Prints what it finds to standard output.
/// @return the exit status: 0 if every message came once and in order, or may be missing, else 1.
/// Errors: throws std::runtime_error with one sentence if a file cannot be read, or is not such a
/// log.
[[nodiscard]] int ctl_reconcile(const ReconcileOptions& options);

} // namespace zcomet::tools::ctl
