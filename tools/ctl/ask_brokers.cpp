#include "tools/ctl/ask_brokers.hpp"

#include "topology/base/value_or_throw.hpp"
#include "topology/link/query.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace zcomet::tools::ctl {

namespace {

nlohmann::json parse_answer(const std::string& text) {
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(fmt::format("the broker's answer is not JSON: {}", error.what()));
    }
}

} // namespace

nlohmann::json ask_broker(link::LinkContext& context, const CtlOptions& options,
                          const std::string& broker, const char* what,
                          const std::string& argument) {
    return parse_answer(value_or_throw(link::query_broker(
        context, broker, what, argument, options.timeout, link::IfRefused::kFail)));
}

std::vector<BrokerAnswer> ask_brokers(link::LinkContext& context, const CtlOptions& options,
                                      const char* what, const std::string& argument) {
    return ask_all(options.brokers, [&](const std::string& broker) {
        return ask_broker(context, options, broker, what, argument);
    });
}

nlohmann::json listed(const std::vector<BrokerAnswer>& answers) {
    nlohmann::json all = nlohmann::json::array();
    for (const BrokerAnswer& answer : answers) {
        if (answer.error.empty()) {
            all.push_back(answer.json);
        }
    }
    return all;
}

std::string line_of(const nlohmann::json& json) {
    return json.dump(-1, ' ', true) + "\n";
}

} // namespace zcomet::tools::ctl
