// How zcomet-ctl reconcile says what it found: for people, and as JSON for programs. Pure.
#pragma once

#include "tools/logs/reconciler.hpp"

#include <string>
#include <string_view>

namespace zcomet::tools::ctl {

/// A line: kind, sender, number, id, log, stream, reason, "told" or nothing, tabs between; "-" for
/// what there is not.
/// @param log  the name of the log in which the stream is.
[[nodiscard]] std::string finding_text(const logs::Finding& finding, std::string_view log);
/// An object, without a line's end.
[[nodiscard]] std::string finding_json(const logs::Finding& finding, std::string_view log);

/// A table, and a sentence that says what it comes to.   @param allows_gaps  as in balanced().
[[nodiscard]] std::string totals_text(const logs::ReconcileTotals& totals, bool allows_gaps);
/// An object, without a line's end.
[[nodiscard]] std::string totals_json(const logs::ReconcileTotals& totals, bool allows_gaps);

} // namespace zcomet::tools::ctl
