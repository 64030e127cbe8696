// The words of `zcomet-ctl send ID MESSAGE`: all that follows ID is the message, whatever it looks
// like.
#pragma once

#include <string>
#include <vector>

namespace CLI { // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace zcomet::tools::ctl {

struct SendWords {
    /// The command line in which the message is one argument that cannot be taken for an option.
    std::vector<std::string> arguments;
    /// Messages come from standard input: the message is `-`, or ID is `-` and no message follows.
    bool from_input = false;
};

/// @param app        has a command `send`; its options tell which words are values. Not parsed yet.
/// @param arguments  without the program's name. Those of other commands come back unchanged.
/// The words of a message are joined by blanks. A first word `--` is left out: `send ID -- -` sends
/// "-".
[[nodiscard]] SendWords find_message(const CLI::App& app, std::vector<std::string> arguments);

} // namespace zcomet::tools::ctl
