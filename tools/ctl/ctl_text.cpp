#include "tools/ctl/ctl_text.hpp"

#include "tools/common/table.hpp"
#include "topology/base/check.hpp"
#include "topology/base/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <vector>

namespace zcomet::tools::ctl {

namespace {

using Align = common::Table::Align;

double to_ms(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

std::string number(const nlohmann::json& value) {
    return std::to_string(value.get<std::uint64_t>());
}

std::chrono::milliseconds milliseconds(const nlohmann::json& value) {
    return std::chrono::milliseconds(value.get<std::int64_t>());
}

} // namespace

std::string age_text(std::chrono::milliseconds age) {
    struct Unit {
        std::int64_t seconds;
        std::string_view name;
    };
    constexpr std::array<Unit, 4> kUnits{{{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}}};
    const std::int64_t seconds = age.count() / 1000;
    if (seconds == 0) {
        return fmt::format("{} ms", age.count());
    }
    std::size_t unit = 0;
    while (seconds < kUnits[unit].seconds) {
        ++unit;
    }
    std::string out = fmt::format("{} {}", seconds / kUnits[unit].seconds, kUnits[unit].name);
    if (unit + 1 < kUnits.size()) {
        const std::int64_t rest = seconds % kUnits[unit].seconds / kUnits[unit + 1].seconds;
        out += rest == 0 ? "" : fmt::format(" {} {}", rest, kUnits[unit + 1].name);
    }
    return out;
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 3> kUnits{"KiB", "MiB", "GiB"};
    constexpr double kStep = 1024;
    if (bytes < static_cast<std::uint64_t>(kStep)) {
        return bytes == 0 ? "0" : fmt::format("{} B", bytes);
    }
    double amount = static_cast<double>(bytes) / kStep;
    std::size_t unit = 0;
    while (amount >= kStep && unit + 1 < kUnits.size()) {
        amount /= kStep;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", amount, amount < 10 ? 1 : 0, kUnits[unit]);
}

nlohmann::json sorted_nodes(nlohmann::json answer) {
    auto& nodes = answer.get_ref<nlohmann::json::array_t&>();
    std::sort(nodes.begin(), nodes.end(),
              [](const nlohmann::json& one, const nlohmann::json& other) {
                  return one.at("name").get_ref<const std::string&>() <
                         other.at("name").get_ref<const std::string&>();
              });
    return answer;
}

std::string nodes_text(const nlohmann::json& answer) {
    // An older broker does not know, nor do nodes that do not say.
    const auto room_text = [](const nlohmann::json& node) {
        const auto room = node.find("room");
        return room == node.end() || room->is_null() ? std::string("-") : number(*room);
    };
    if (answer.empty()) {
        return "no node is connected to the broker\n";
    }
    bool is_insecure = false;
    common::Table table({{"NAME"},
                         {"ADDRESS"},
                         {"STATE"},
                         {"IDS", Align::kRight},
                         {"STREAMS", Align::kRight},
                         {"ROOM", Align::kRight},
                         {"AGE", Align::kRight},
                         {"HEARD", Align::kRight},
                         {"BEHIND", Align::kRight}});
    for (const nlohmann::json& node : sorted_nodes(answer)) {
        is_insecure = is_insecure || node.value("insecure", false);
        table.add_row({node.at("name").get<std::string>(), node.at("address").get<std::string>(),
                       node.at("live").get<bool>() ? "live" : "not live", number(node.at("ids")),
                       number(node.at("streams")), room_text(node),
                       age_text(milliseconds(node.at("age_ms"))),
                       age_text(milliseconds(node.at("heard_ms"))),
                       bytes_text(node.at("unacknowledged_bytes").get<std::uint64_t>())});
    }
    return table.text() + (is_insecure ? "insecure: the broker asks for no keys\n" : "");
}

std::string who_text(const nlohmann::json& answer) {
    auto names = answer.at("nodes").get<std::vector<std::string>>();
    if (names.empty()) {
        return fmt::format("nobody is logged in as {}\n",
                           in_one_line(answer.at("id").get<std::string>()));
    }
    std::sort(names.begin(), names.end());
    std::string out;
    for (const std::string& name : names) {
        out.append(in_one_line(name)).append("\n");
    }
    return out;
}

std::string drain_text(const nlohmann::json& answer) {
    return fmt::format(
        "{} was told to drain; event=drained in its web node's log says that it has\n",
        in_one_line(answer.at("node").get<std::string>()));
}

std::string stats_text(const nlohmann::json& answer) {
    common::Table table({{"WHAT"}, {"VALUE", Align::kRight}});
    for (const char* const fact : {"name", "version", "incarnation"}) {
        table.add_row({fact, answer.at(fact).get<std::string>()});
    }
    table.add_row({"uptime", age_text(milliseconds(answer.at("uptime_ms")))});
    for (const char* const count : {"ids", "nodes", "senders"}) {
        table.add_row({count, number(answer.at(count))});
    }
    for (const auto& [name, value] : answer.at("counters").items()) {
        table.add_row({name, number(value)});
    }
    return table.text();
}

bool ledger_is_settled(const nlohmann::json& answer) {
    const bool balanced = std::all_of(answer.begin(), answer.end(), [](const auto& part) {
        return part.at("remainder").template get<std::int64_t>() == 0;
    });
    return balanced && answer.at("copies").at("under_way") == 0 &&
           answer.at("chunks").at("waiting") == 0;
}

namespace {

/// A part of the ledger: the messages that came in, and their fates (PROTOCOL.md, section 4.8).
struct LedgerPart {
    std::string_view name;
    std::vector<std::string_view> wholes;
    std::vector<std::string_view> parts;
};

const std::vector<LedgerPart>& ledger_parts() {
    static const std::vector<LedgerPart> parts{
        {"senders", {"sent"}, {"taken_in", "missing"}},
        {"messages", {"taken_in", "rerouted"}, {"held", "void", "known"}},
        {"copies", {"routed"}, {"acknowledged", "shed", "abandoned", "under_way"}},
        {"nodes", {"acknowledged"}, {"received", "unreported", "disbelieved"}},
        {"received", {"received"}, {"shown", "unclaimed", "duplicates"}},
        {"chunks", {"given"}, {"written", "dropped", "abandoned", "waiting"}},
    };
    return parts;
}

/// "20 held + 1 void": zeros after the first are left out.
std::string sum_text(const nlohmann::json& part, const std::vector<std::string_view>& names) {
    std::string out;
    for (const std::string_view name : names) {
        const nlohmann::json& count = part.at(std::string(name));
        if (out.empty() || count != 0) {
            out += fmt::format("{}{} {}", out.empty() ? "" : " + ", number(count), name);
        }
    }
    return out;
}

} // namespace

std::string ledger_text(const nlohmann::json& answer) {
    std::string out;
    bool balances = true;
    for (const LedgerPart& row : ledger_parts()) {
        const nlohmann::json& part = answer.at(std::string(row.name));
        const auto remainder = part.at("remainder").get<std::int64_t>();
        out += fmt::format("{:<9} {} = {}{}\n", row.name, sum_text(part, row.wholes),
                           sum_text(part, row.parts),
                           remainder == 0 ? "" : fmt::format(" and {} UNEXPLAINED", remainder));
        balances = balances && remainder == 0;
    }
    if (const auto streams = answer.at("nodes").at("streams_cut_off").get<std::uint64_t>();
        streams > 0) {
        out += fmt::format("{} {} cut off for {:.1f} s, and may have missed messages\n",
                           number(streams), streams == 1 ? "stream was" : "streams were",
                           answer.at("nodes").at("cut_off_ms").get<double>() / 1000);
    }
    for (const auto& name : answer.at("nodes").at("disbelieved_nodes")) {
        out += fmt::format("node {} reports numbers that cannot be; they are left out\n",
                           in_one_line(name.get<std::string>()));
    }
    return out + (balances ? "the ledger balances\n" : "the ledger does NOT balance\n");
}

std::string sent_text(std::string_view id, const client::Sent& sent, bool acknowledged) {
    const bool is_kept = !sent.cursor.empty();
    if (sent.nodes == 0 && !acknowledged) {
        return fmt::format("nobody is logged in as {}: the message {}\n", id,
                           is_kept ? "is kept, cursor " + sent.cursor : "went into the void");
    }
    std::string fate = "arrived at no node";
    if (!sent.nodes) {
        fate = fmt::format("the broker does not know {}",
                           acknowledged ? "whether it has arrived" : "who held it");
    } else if (*sent.nodes > 0) {
        fate = fmt::format("{} {} {}", acknowledged ? "arrived at" : "held by", *sent.nodes,
                           *sent.nodes == 1 ? "node" : "nodes");
    }
    return fmt::format("sent to {}: {}{}\n", id, fate,
                       is_kept ? "; kept, cursor " + sent.cursor : "");
}

std::string pong_text(std::string_view broker, Duration round_trip) {
    return fmt::format("pong from {}: {:.2f} ms\n", broker, to_ms(round_trip));
}

std::string pongs_text(const std::vector<Duration>& round_trips) {
    ZCOMET_ASSERT(!round_trips.empty());
    const auto [least, most] = std::minmax_element(round_trips.begin(), round_trips.end());
    const Duration sum = std::accumulate(round_trips.begin(), round_trips.end(), Duration::zero());
    return fmt::format("{} round trips: least {:.2f} ms, mean {:.2f} ms, most {:.2f} ms\n",
                       round_trips.size(), to_ms(*least),
                       to_ms(sum) / static_cast<double>(round_trips.size()), to_ms(*most));
}

} // namespace zcomet::tools::ctl
