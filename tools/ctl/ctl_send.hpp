// zcomet-ctl send: one message from the command line, or many from standard input.
#pragma once

#include "tools/ctl/ctl.hpp"

#include <string>

namespace zcomet::tools::ctl {

struct SendOptions {
    std::string id; ///< with from_input, "-": each line begins with its own
    std::string message;
    std::string event;         ///< its name; empty: none
    bool from_input = false;   ///< each line of standard input is a message
    bool acknowledged = false; ///< wait until the messages have arrived at the nodes
};

/// Sends, and prints a line for each message.
/// @return whether each message had a node.
/// Errors: throws std::runtime_error with one sentence if no broker answers in time, or refuses, or
/// a line is not a message; the messages of earlier lines are sent then.
[[nodiscard]] bool ctl_send(const CtlOptions& options, const SendOptions& what);

} // namespace zcomet::tools::ctl
