#include "tools/ctl/all_brokers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <future>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

namespace zcomet::tools::ctl {

namespace {

/// Numbers are added, lists are put one after the other, and the parts of objects likewise.
void add_to(nlohmann::json& sum, const nlohmann::json& more) {
    if (sum.is_object()) {
        for (const auto& [name, part] : more.items()) {
            if (sum.contains(name)) {
                add_to(sum[name], part);
            } else {
                sum[name] = part;
            }
        }
    } else if (sum.is_array()) {
        sum.insert(sum.end(), more.begin(), more.end());
    } else if (sum.is_number_unsigned() && more.is_number_unsigned()) {
        sum = sum.get<std::uint64_t>() + more.get<std::uint64_t>();
    } else if (sum.is_number()) {
        sum = sum.get<std::int64_t>() + more.get<std::int64_t>();
    }
}

/// What a node is at one of its brokers, beside what it is at others.
void add_node(nlohmann::json& node, const nlohmann::json& more) {
    const auto most = [&](const char* name) {
        if (more.contains(name) && !more.at(name).is_null() &&
            (node.value(name, nlohmann::json()).is_null() || node.at(name) < more.at(name))) {
            node[name] = more.at(name);
        }
    };
    for (const char* const name : {"ids", "streams", "room", "age_ms"}) {
        most(name);
    }
    node["live"] = node.at("live").get<bool>() || more.at("live").get<bool>();
    node["heard_ms"] = std::min(node.at("heard_ms").get<std::uint64_t>(),
                                more.at("heard_ms").get<std::uint64_t>());
    node["unacknowledged_bytes"] = node.at("unacknowledged_bytes").get<std::uint64_t>() +
                                   more.at("unacknowledged_bytes").get<std::uint64_t>();
}

} // namespace

std::vector<BrokerAnswer>
ask_all(const cluster::BrokerList& brokers,
        const std::function<nlohmann::json(const std::string& endpoint)>& ask) {
    std::vector<std::future<BrokerAnswer>> asked;
    for (const cluster::ListedBroker& broker : brokers.brokers) {
        asked.push_back(std::async(std::launch::async, [&ask, &broker] {
            BrokerAnswer answer{.endpoint = broker.endpoint};
            try {
                answer.json = ask(broker.endpoint);
            } catch (const std::exception& error) {
                answer.error = error.what();
            }
            return answer;
        }));
    }
    std::vector<BrokerAnswer> answers;
    std::transform(asked.begin(), asked.end(), std::back_inserter(answers),
                   [](std::future<BrokerAnswer>& one) { return one.get(); });
    const bool all_fail = std::none_of(answers.begin(), answers.end(),
                                       [](const BrokerAnswer& one) { return one.error.empty(); });
    if (all_fail) {
        throw std::runtime_error(answers.front().error);
    }
    return answers;
}

std::string silence_text(const std::vector<BrokerAnswer>& answers) {
    std::string reasons;
    std::size_t silent = 0;
    for (const BrokerAnswer& answer : answers) {
        if (!answer.error.empty()) {
            reasons +=
                fmt::format("{}{}: {}", silent == 0 ? "" : "; ", answer.endpoint, answer.error);
            ++silent;
        }
    }
    return silent == 0 ? ""
                       : fmt::format("{} of {} brokers did not answer: {}\n", silent,
                                     answers.size(), reasons);
}

nlohmann::json merged_nodes(const std::vector<BrokerAnswer>& answers) {
    std::map<std::string, nlohmann::json> nodes;
    for (const BrokerAnswer& answer : answers) {
        for (const nlohmann::json& node : answer.json) {
            const auto [place, is_new] =
                nodes.try_emplace(node.at("name").get<std::string>(), node);
            if (!is_new) {
                add_node(place->second, node);
            }
        }
    }
    nlohmann::json merged = nlohmann::json::array();
    for (auto& [name, node] : nodes) {
        merged.push_back(std::move(node));
    }
    return merged;
}

nlohmann::json merged_who(const std::vector<BrokerAnswer>& answers) {
    nlohmann::json merged;
    std::set<std::string> names;
    for (const BrokerAnswer& answer : answers) {
        if (answer.error.empty()) {
            merged["id"] = answer.json.at("id");
            const auto more = answer.json.at("nodes").get<std::vector<std::string>>();
            names.insert(more.begin(), more.end());
        }
    }
    merged["nodes"] = names;
    return merged;
}

nlohmann::json merged_ledger(const std::vector<BrokerAnswer>& answers) {
    nlohmann::json sum;
    for (const BrokerAnswer& answer : answers) {
        if (answer.error.empty() && sum.is_null()) {
            sum = answer.json;
        } else if (answer.error.empty()) {
            add_to(sum, answer.json);
        }
    }
    return sum;
}

} // namespace zcomet::tools::ctl
