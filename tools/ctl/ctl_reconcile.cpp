#include "tools/ctl/ctl_reconcile.hpp"

#include "tools/ctl/reconcile_text.hpp"
#include "tools/logs/message_log.hpp"
#include "tools/logs/reconciler.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace zcomet::tools::ctl {

namespace {

constexpr double kNsPerMs = 1e6;

/// Reads a log and calls `take` for each line that `parse` understands.
/// @param take  returns a Status; a failure of it, or of `parse`, is an error that names the line.
template <typename Parse, typename Take>
void read_log(const std::string& path, Parse&& parse, Take&& take) {
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error(fmt::format("{}: {}", path, std::strerror(errno)));
    }
    std::string text;
    for (std::uint64_t number = 1; std::getline(file, text); ++number) {
        const auto line = parse(std::string_view(text));
        if (!line) {
            throw std::runtime_error(fmt::format("{}:{}: this is not a line of such a log{}", path,
                                                 number, file.eof() ? ", or a part of one" : ""));
        }
        if (const Status taken = take(*line); !taken.ok()) {
            throw std::runtime_error(fmt::format("{}:{}: {}", path, number, taken.error().text));
        }
    }
    if (file.bad()) {
        throw std::runtime_error(path + " cannot be read");
    }
}

class Printer {
  public:
    explicit Printer(const ReconcileOptions& options) : options_(options) {}
    void print(const logs::Finding& finding) {
        const std::string& log = options_.received[finding.log];
        if (!options_.json) {
            fmt::print("{}", finding_text(finding, log));
            return;
        }
        fmt::print("{}{}", separator_, finding_json(finding, log));
        separator_ = ",";
    }
    void print(const logs::ReconcileTotals& totals) const {
        if (options_.json) {
            fmt::print("{}],\"totals\":{}}}\n", separator_ == "," ? "" : separator_,
                       totals_json(totals, options_.allows_gaps));
        } else {
            fmt::print("{}", totals_text(totals, options_.allows_gaps));
        }
    }

  private:
    const ReconcileOptions& options_;
    std::string_view separator_ = "{\"findings\":["; // goes in front of the next one
};

} // namespace

int ctl_reconcile(const ReconcileOptions& options) {
    Printer printer(options);
    logs::Reconciler reconciler(
        static_cast<std::uint64_t>(options.grace_ms * kNsPerMs),
        [&printer](const logs::Finding& finding) { printer.print(finding); });
    read_log(options.sent, logs::parse_sent_line,
             [&reconciler](const logs::SentLine& line) { return reconciler.add_sent(line); });
    for (const std::string& path : options.received) {
        read_log(path, logs::parse_stream_line, [&reconciler](const logs::StreamLine& line) {
            return reconciler.add_received(line);
        });
        reconciler.end_log();
    }
    const logs::ReconcileTotals& totals = reconciler.finish();
    printer.print(totals);
    return totals.balanced(options.allows_gaps) ? 0 : 1;
}

} // namespace zcomet::tools::ctl
