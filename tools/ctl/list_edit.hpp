// The list of brokers in the text of a cluster file: its changes, step by step. Comments and all
// else in the file stay as they are.
#pragma once

#include "topology/base/result.hpp"

#include <cstdint>
#include <string>

namespace zcomet::tools::ctl {

struct NewBroker {
    std::string name;
    std::string host;    ///< a [[host]]
    std::string address; ///< of that host, if the file does not have it; else empty
    std::uint16_t listen_port = 5555;
    std::uint16_t feed_port = 5556;
    std::uint32_t weight = 1;
};

// Each returns the text of the next version. Pure. Errors, one sentence: the text is no cluster
// file; the step is not possible now, or its result is no cluster file; the file is written in a
// way that cannot be edited, such as with inline tables.

/// Begins to add a broker. It gets the keys of the others. Several may be added at once.
[[nodiscard]] Result<std::string> with_added(const std::string& text, const NewBroker& broker);
/// Begins to remove a broker.
[[nodiscard]] Result<std::string> with_removed(const std::string& text, const std::string& name);
/// Goes on: senders move; then the change is over.
[[nodiscard]] Result<std::string> next_step(const std::string& text);
/// Goes back: senders go by the list before; then the change is given up.
[[nodiscard]] Result<std::string> step_back(const std::string& text);

} // namespace zcomet::tools::ctl
