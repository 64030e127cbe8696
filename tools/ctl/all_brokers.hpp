// What several brokers of one cluster have answered, as one answer. Pure, apart from AllBrokers.
#pragma once

#include "tools/ctl/ctl.hpp"
#include "topology/link/link_context.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

namespace zcomet::tools::ctl {

/// One broker's answer.
struct BrokerAnswer {
    std::string endpoint;
    nlohmann::json json{};
    std::string error{}; ///< why there is none; empty: there is one
};

/// Asks all brokers at the same time.
/// @param ask  asks the broker at an endpoint; called from a thread for each. What it throws is
///     that broker's error.
/// @return their answers, in the order of the list.
/// Errors: throws std::runtime_error with the first broker's error if none has answered.
[[nodiscard]] std::vector<BrokerAnswer>
ask_all(const cluster::BrokerList& brokers,
        const std::function<nlohmann::json(const std::string& endpoint)>& ask);

/// "1 of 3 brokers did not answer: tcp://…: WHY", ended; empty: all have.
[[nodiscard]] std::string silence_text(const std::vector<BrokerAnswer>& answers);

// Each throws nlohmann::json::exception if an answer is not as expected.

/// Nodes by their names. One that is at several brokers is one: its ids, its streams and its room
/// are the most that a broker knows of, and it is live if it is at one of them.
[[nodiscard]] nlohmann::json merged_nodes(const std::vector<BrokerAnswer>& answers);
[[nodiscard]] nlohmann::json merged_who(const std::vector<BrokerAnswer>& answers);
/// The sums.
[[nodiscard]] nlohmann::json merged_ledger(const std::vector<BrokerAnswer>& answers);

} // namespace zcomet::tools::ctl
