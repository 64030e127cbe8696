#include "tools/ctl/reconcile_text.hpp"

#include "tools/common/table.hpp"
#include "topology/base/text.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <array>

namespace zcomet::tools::ctl {

namespace {

struct Total {
    const char* key;
    const char* text;
    std::uint64_t logs::ReconcileTotals::*value;
};

constexpr std::array kTotals{
    Total{"sent", "messages sent", &logs::ReconcileTotals::sent},
    Total{"no_stream", "void: no stream was open", &logs::ReconcileTotals::no_stream},
    Total{"streams", "streams", &logs::ReconcileTotals::streams},
    Total{"received", "messages received", &logs::ReconcileTotals::received},
    Total{"others", "of other senders", &logs::ReconcileTotals::others},
    Total{"at_edge", "at an edge: a stream had just opened, or closed",
          &logs::ReconcileTotals::at_edge},
    Total{"missing", "missing", &logs::ReconcileTotals::missing},
    Total{"told", "of these: where the stream was told of a gap", &logs::ReconcileTotals::told},
    Total{"gaps", "gaps that streams were told of", &logs::ReconcileTotals::gaps},
    Total{"twice", "twice", &logs::ReconcileTotals::twice},
    Total{"out_of_order", "out of order", &logs::ReconcileTotals::out_of_order},
    Total{"unsent", "never sent to this id", &logs::ReconcileTotals::unsent},
};

} // namespace

std::string finding_text(const logs::Finding& finding, std::string_view log) {
    return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", logs::name_of(finding.kind),
                       in_one_line(finding.sender), finding.number, in_one_line(finding.id),
                       in_one_line(log), finding.stream,
                       finding.reason.empty() ? "-" : in_one_line(finding.reason),
                       finding.told ? "told" : "-");
}

std::string finding_json(const logs::Finding& finding, std::string_view log) {
    nlohmann::ordered_json json = {{"kind", logs::name_of(finding.kind)},
                                   {"sender", finding.sender},
                                   {"number", finding.number},
                                   {"id", finding.id},
                                   {"log", log},
                                   {"stream", finding.stream}};
    if (!finding.reason.empty()) {
        json["reason"] = finding.reason;
        json["told"] = finding.told;
    }
    return json.dump();
}

std::string totals_text(const logs::ReconcileTotals& totals, bool allows_gaps) {
    common::Table table({{"WHAT"}, {"COUNT", common::Table::Align::kRight}});
    for (const Total& total : kTotals) {
        table.add_row({total.text, std::to_string(totals.*total.value)});
    }
    if (!totals.balanced(allows_gaps)) {
        return table.text() + "the logs do not agree\n";
    }
    return table.text() + (totals.balanced()
                               ? "every message came once, in order\n"
                               : "every message came once, in order, or its stream was told so\n");
}

std::string totals_json(const logs::ReconcileTotals& totals, bool allows_gaps) {
    nlohmann::ordered_json json;
    for (const Total& total : kTotals) {
        json[total.key] = totals.*total.value;
    }
    json["balanced"] = totals.balanced(allows_gaps);
    return json.dump();
}

} // namespace zcomet::tools::ctl
