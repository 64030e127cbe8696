// Puts the pages of a broker's answers to QUERY nodes together (docs/PROTOCOL.md, section 4.8).
// Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace zcomet::tools::ctl {

/// More pages than any broker has: each has a node, or is one of many peers without nodes.
inline constexpr std::uint32_t kNodePagesMax = 100'000;

/// @param ask  asks the broker for `nodes` with this argument.
/// @return an array of all nodes. A broker that knows no pages answers all at once.
/// Errors:  what `ask` throws; std::runtime_error if the pages do not end;
///          nlohmann::json::exception if an answer is not as expected.
[[nodiscard]] nlohmann::json
all_nodes(const std::function<nlohmann::json(const std::string& argument)>& ask);

} // namespace zcomet::tools::ctl
