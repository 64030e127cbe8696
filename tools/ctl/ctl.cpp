#include "tools/ctl/ctl.hpp"

#include "tools/ctl/ctl_text.hpp"
#include "tools/ctl/node_pages.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/link/query.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

nlohmann::json parse_answer(const std::string& text) {
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(fmt::format("the broker's answer is not JSON: {}", error.what()));
    }
}

/// One line of ASCII, without control characters.
std::string line_of(const nlohmann::json& json) {
    return json.dump(-1, ' ', true) + "\n";
}

using ToText = std::string (*)(const nlohmann::json&);

nlohmann::json ask_broker(link::LinkContext& context, const CtlOptions& options, const char* what,
                          const std::string& argument) {
    return parse_answer(value_or_throw(link::query_broker(
        context, options.broker, what, argument, options.timeout, link::IfRefused::kFail)));
}

/// `answer()` asks the broker.
/// @return the answer.
template <typename Answer>
nlohmann::json print_answer(const CtlOptions& options, ToText to_text, Answer&& answer) {
    try {
        nlohmann::json json = answer();
        fmt::print("{}", options.json ? line_of(json) : to_text(json));
        return json;
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(
            fmt::format("the broker's answer is not as expected: {}", error.what()));
    }
}

nlohmann::json print_one_answer(const CtlOptions& options, const char* what,
                                const std::string& argument, ToText to_text) {
    link::LinkContext context(options.security);
    return print_answer(options, to_text,
                        [&] { return ask_broker(context, options, what, argument); });
}

} // namespace

void ctl_nodes(const CtlOptions& options) {
    link::LinkContext context(options.security);
    print_answer(options, nodes_text, [&] {
        return sorted_nodes(all_nodes([&](const std::string& argument) {
            return ask_broker(context, options, "nodes", argument);
        }));
    });
}

bool ctl_who(const CtlOptions& options, const std::string& id) {
    return !print_one_answer(options, "who", id, who_text).at("nodes").empty();
}

void ctl_stats(const CtlOptions& options) {
    print_one_answer(options, "stats", "", stats_text);
}

bool ctl_ledger(const CtlOptions& options, Duration patience) {
    link::LinkContext context(options.security);
    const Time give_up = Clock::now() + patience;
    for (;;) {
        const nlohmann::json ledger = ask_broker(context, options, "ledger", "");
        const bool settled = ledger_is_settled(ledger);
        if (settled || Clock::now() >= give_up) {
            fmt::print("{}", options.json ? line_of(ledger) : ledger_text(ledger));
            return settled;
        }
        std::this_thread::sleep_for(kLedgerInterval);
    }
}

void ctl_ping(const CtlOptions& options, unsigned count) {
    link::LinkContext context(options.security);
    std::vector<Duration> round_trips;
    for (unsigned i = 0; i < count; ++i) {
        if (i > 0) {
            std::this_thread::sleep_for(kPingInterval);
        }
        round_trips.push_back(value_or_throw(
            link::ping_broker(context, options.broker, options.timeout, link::IfRefused::kFail)));
        if (!options.json) {
            fmt::print("{}", pong_text(options.broker, round_trips.back()));
            static_cast<void>(std::fflush(stdout));
        }
    }
    if (options.json) {
        nlohmann::ordered_json report = {{"broker", options.broker},
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

} // namespace zcomet::tools::ctl
