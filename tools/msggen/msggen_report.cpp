#include "tools/msggen/msggen_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace zcomet::tools::msggen {

namespace {

constexpr double kBehindMsMin = 50;
constexpr double kBehindShare = 0.01;

std::string_view messages(std::uint64_t count) {
    return count == 1 ? "message" : "messages";
}

} // namespace

double MsggenReport::per_s() const {
    // N messages span N - 1 intervals.
    return sent < 2 || seconds <= 0 ? 0 : static_cast<double>(sent - 1) / seconds;
}

bool MsggenReport::behind_schedule() const {
    return wanted_per_s > 0 && late_ms > kBehindMsMin && late_ms > kBehindShare * seconds * 1000;
}

std::string MsggenReport::text() const {
    std::string out = fmt::format("sent {} {} in {:.2f} s", sent, messages(sent), seconds);
    if (per_s() > 0) {
        out += fmt::format(": {:.1f} a second", per_s());
    }
    out += wanted_per_s > 0 ? fmt::format(" ({:.1f} wanted)\n", wanted_per_s) : "\n";
    if (sent < planned) {
        out += fmt::format("stopped before the other {} of {}\n", planned - sent, planned);
    }
    if (behind_schedule()) {
        out += fmt::format("behind schedule by {:.0f} ms: the broker or this machine is too slow\n",
                           late_ms);
    }
    if (lost_brokers > 0) {
        out += fmt::format("the broker was lost {} {}\n", lost_brokers,
                           lost_brokers == 1 ? "time" : "times");
    }
    if (failed_over > 0) {
        out += fmt::format("{} {} went to another broker\n", failed_over, messages(failed_over));
    }
    if (asks_acknowledgement) {
        out += fmt::format("acknowledged {}, void {}, resent {}\n", acknowledged, gone_into_void,
                           resent);
        if (not_known > 0) {
            out += fmt::format("sent again, and not known whether it arrived: {} {}\n", not_known,
                               messages(not_known));
        }
    } else if (gone_into_void > 0) {
        out += fmt::format("{} {} went to nobody: no stream was open on the {}\n",
                           gone_into_void == sent ? "all" : std::to_string(gone_into_void),
                           messages(gone_into_void), gone_into_void == 1 ? "id" : "ids");
    }
    if (unconfirmed > 0 && asks_acknowledgement) {
        out += fmt::format("no acknowledgement of {} {}, which may be lost\n", unconfirmed,
                           messages(unconfirmed));
    } else if (unconfirmed > 0) {
        out += fmt::format("the broker did not confirm {} {}, which may be lost\n", unconfirmed,
                           messages(unconfirmed));
    }
    if (log_lines_lost > 0) {
        out += fmt::format("the log lacks {} {}: it could not be written\n", log_lines_lost,
                           messages(log_lines_lost));
    }
    return out;
}

std::string MsggenReport::json() const {
    nlohmann::ordered_json report = {{"sent", sent},
                                     {"planned", planned},
                                     {"generators", generators},
                                     {"seconds", seconds},
                                     {"per_s", per_s()},
                                     {"wanted_per_s", wanted_per_s},
                                     {"late_ms", late_ms},
                                     {"late_ms_max", late_ms_max},
                                     {"behind_schedule", behind_schedule()},
                                     {"void", gone_into_void},
                                     {"unconfirmed", unconfirmed},
                                     {"lost_brokers", lost_brokers},
                                     {"failed_over", failed_over},
                                     {"log_lines_lost", log_lines_lost},
                                     {"seed", seed}};
    if (asks_acknowledgement) {
        report["acknowledged"] = acknowledged;
        report["not_known"] = not_known;
        report["resent"] = resent;
    }
    return report.dump() + "\n";
}

} // namespace zcomet::tools::msggen
