#include "tools/ctl/ctl.hpp"

#include "tools/ctl/all_brokers.hpp"
#include "tools/ctl/ask_brokers.hpp"
#include "tools/ctl/ctl_text.hpp"
#include "tools/ctl/node_pages.hpp"
#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/link/query.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace zcomet::tools::ctl {

namespace {

constexpr Duration kPingInterval = 1s;
/// Nodes report the fates of their messages once a second.
constexpr Duration kLedgerInterval = 250ms;

using ToText = std::string (*)(const nlohmann::json&);

using Merge = nlohmann::json (*)(const std::vector<BrokerAnswer>&);

/// What the brokers have answered, as one answer.   @return it.
nlohmann::json print_answers(const CtlOptions& options, const std::vector<BrokerAnswer>& answers,
                             Merge merge, ToText to_text) {
    try {
        nlohmann::json json = answers.size() == 1 ? answers.front().json : merge(answers);
        fmt::print("{}", options.json ? line_of(json) : to_text(json));
        fmt::print(stderr, "{}", silence_text(answers));
        return json;
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(
            fmt::format("the broker's answer is not as expected: {}", error.what()));
    }
}

std::string all_stats_text(const nlohmann::json& answer) {
    if (answer.is_object()) {
        return stats_text(answer);
    }
    std::string out;
    for (const nlohmann::json& broker : answer) {
        out.append(out.empty() ? "" : "\n").append(stats_text(broker));
    }
    return out;
}

void ping_one(const CtlOptions& options, const std::string& broker, unsigned count) {
    link::LinkContext context(options.security);
    std::vector<Duration> round_trips;
    for (unsigned i = 0; i < count; ++i) {
        if (i > 0) {
            std::this_thread::sleep_for(kPingInterval);
        }
        round_trips.push_back(value_or_throw(
            link::ping_broker(context, broker, options.timeout, link::IfRefused::kFail)));
        if (!options.json) {
            fmt::print("{}", pong_text(broker, round_trips.back()));
            static_cast<void>(std::fflush(stdout));
        }
    }
    if (options.json) {
        nlohmann::ordered_json report = {{"broker", broker},
                                         {"round_trip_ms", nlohmann::json::array()}};
        for (const Duration round_trip : round_trips) {
            report["round_trip_ms"].push_back(
                std::chrono::duration<double, std::milli>(round_trip).count());
        }
        fmt::print("{}\n", report.dump());
    } else if (count > 1) {
        fmt::print("{}", pongs_text(round_trips));
    }
}

} // namespace

void ctl_nodes(const CtlOptions& options) {
    link::LinkContext context(options.security);
    const auto answers = ask_all(options.brokers, [&](const std::string& broker) {
        return sorted_nodes(all_nodes([&](const std::string& argument) {
            return ask_broker(context, options, broker, "nodes", argument);
        }));
    });
    print_answers(options, answers, merged_nodes, nodes_text);
}

bool ctl_who(const CtlOptions& options, const std::string& id) {
    link::LinkContext context(options.security);
    const auto answers = ask_brokers(context, options, "who", id);
    return !print_answers(options, answers, merged_who, who_text).at("nodes").empty();
}

void ctl_stats(const CtlOptions& options) {
    link::LinkContext context(options.security);
    print_answers(options, ask_brokers(context, options, "stats", ""), listed, all_stats_text);
}

/// One broker after the other: two of them might ask different workers of the web node, which is
/// then asked twice.
bool ctl_drain(const CtlOptions& options, const std::string& name) {
    link::LinkContext context(options.security);
    std::vector<BrokerAnswer> answers;
    for (const cluster::ListedBroker& broker : options.brokers.brokers) {
        BrokerAnswer& answer = answers.emplace_back(BrokerAnswer{broker.endpoint});
        try {
            answer.json = ask_broker(context, options, broker.endpoint, "drain", name);
        } catch (const std::runtime_error& error) {
            answer.error = error.what();
            continue;
        }
        if (const auto node = answer.json.find("node");
            node != answer.json.end() && node->is_string()) {
            fmt::print("{}", options.json ? line_of(answer.json) : drain_text(answer.json));
            return true;
        }
    }
    fmt::print(stderr, "{}", silence_text(answers));
    const auto answered = std::find_if(answers.begin(), answers.end(),
                                       [](const BrokerAnswer& one) { return one.error.empty(); });
    if (answered == answers.end()) {
        throw std::runtime_error(answers.front().error);
    }
    fmt::print("{}", options.json
                         ? line_of(answered->json)
                         : fmt::format("no broker knows a web node {}\n", in_one_line(name)));
    return false;
}

bool ctl_ledger(const CtlOptions& options, Duration patience) {
    link::LinkContext context(options.security);
    const Time give_up = Clock::now() + patience;
    for (;;) {
        const auto answers = ask_brokers(context, options, "ledger", "");
        const nlohmann::json ledger = merged_ledger(answers);
        const std::string silence = silence_text(answers);
        const bool settled = ledger_is_settled(ledger);
        if (settled || Clock::now() >= give_up) {
            fmt::print("{}", options.json ? line_of(ledger) : ledger_text(ledger));
            fmt::print(stderr, "{}", silence);
            return settled && silence.empty();
        }
        std::this_thread::sleep_for(kLedgerInterval);
    }
}

void ctl_ping(const CtlOptions& options, unsigned count) {
    for (const cluster::ListedBroker& broker : options.brokers.brokers) {
        ping_one(options, broker.endpoint, count);
    }
}

} // namespace zcomet::tools::ctl
