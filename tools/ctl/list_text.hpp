// What zcomet-ctl prints for people about the lists of brokers that processes go by. Pure. Each
// function throws nlohmann::json::exception if an answer lacks what it needs.
#pragma once

#include "topology/wire/frames.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace zcomet::tools::ctl {

// `answers` is an array of what brokers have answered to QUERY `brokers` (docs/PROTOCOL.md, section
// 4.8).

/// A table with a line for each broker: its list, and how many nodes and senders go by that one or
/// by others.
[[nodiscard]] std::string lists_text(const nlohmann::json& answers);
/// A line that says what is wrong: brokers go by different lists, or by another one than ours with
/// the same version; empty: nothing is.
[[nodiscard]] std::string list_warning(const nlohmann::json& answers, const wire::ListMark& own);

/// Why an operator should not go on with a change of the list: not all brokers, nodes and senders
/// have the version of `own`.   @return one sentence, ended; empty: all have.
[[nodiscard]] std::string why_not_all_have(const nlohmann::json& answers,
                                           const wire::ListMark& own);

} // namespace zcomet::tools::ctl
