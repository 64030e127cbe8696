// A question to all brokers of the cluster.
#pragma once

#include "tools/ctl/all_brokers.hpp"
#include "tools/ctl/ctl.hpp"
#include "topology/link/link_context.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace zcomet::tools::ctl {

/// Errors: throws std::runtime_error with one sentence if the broker does not answer in time, or
/// refuses, or its answer is no JSON.
[[nodiscard]] nlohmann::json ask_broker(link::LinkContext& context, const CtlOptions& options,
                                        const std::string& broker, const char* what,
                                        const std::string& argument);
/// All of them at the same time. Those that did not answer have an error.
[[nodiscard]] std::vector<BrokerAnswer> ask_brokers(link::LinkContext& context,
                                                    const CtlOptions& options, const char* what,
                                                    const std::string& argument);

/// The answers of those that have answered, as a list.
[[nodiscard]] nlohmann::json listed(const std::vector<BrokerAnswer>& answers);

/// One line of ASCII, without control characters, ended.
[[nodiscard]] std::string line_of(const nlohmann::json& json);

} // namespace zcomet::tools::ctl
