#include "tools/floodtest/flood_tally.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace zcomet::tools::floodtest {

namespace {

constexpr double kNsPerMs = 1e6;
/// The usual cause of "cannot assign requested address" after some 28,000 connections.
constexpr std::string_view kPortsHint = "; local ports used up? spread with --source";

struct FailureName {
    FloodCounter counter;
    std::string_view text;
    std::string_view key;
};

constexpr std::array kFailures = {
    FailureName{FloodCounter::kRefused, "refused", "refused"},
    FailureName{FloodCounter::kTimedOut, "timed out", "timed_out"},
    FailureName{FloodCounter::kBadStatus, "status", "bad_status"},
    FailureName{FloodCounter::kClosedEarly, "closed early", "closed_early"},
    FailureName{FloodCounter::kMalformed, "malformed", "malformed"},
    FailureName{FloodCounter::kOtherError, "other error", "other_error"},
};

[[nodiscard]] std::string status_codes_text(const FloodResult& result) {
    std::string text;
    for (std::size_t code = 0; code < result.status_codes.size(); ++code) {
        if (result.status_codes[code] > 0) {
            text += fmt::format(" {}: {}", code, result.status_codes[code]);
        }
    }
    return text;
}

/// "refused 3, status 2 (404: 2)"; "none" if nothing failed.
[[nodiscard]] std::string failures_text(const FloodResult& result) {
    std::string text;
    for (const FailureName& failure : kFailures) {
        const std::uint64_t count = result.totals.get(failure.counter);
        if (count == 0) {
            continue;
        }
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", failure.text, count);
        if (failure.counter == FloodCounter::kBadStatus) {
            text += " (" + status_codes_text(result).substr(1) + ")";
        }
        if (failure.counter == FloodCounter::kOtherError) {
            text += fmt::format(" (last: {}{})", std::strerror(result.last_errno),
                                result.last_errno == EADDRNOTAVAIL ? kPortsHint : "");
        }
    }
    return text.empty() ? "none" : text;
}

[[nodiscard]] std::string percentiles_text(const Histogram& histogram,
                                           std::initializer_list<double> percents) {
    if (histogram.count() == 0) {
        return "nothing measured";
    }
    std::string text;
    for (const double percent : percents) {
        const auto value_ns = static_cast<double>(histogram.percentile_ns(percent));
        text += fmt::format("p{} {:.3f} ms, ", percent, value_ns / kNsPerMs);
    }
    return text + fmt::format("max {:.3f} ms of {}",
                              static_cast<double>(histogram.max_ns()) / kNsPerMs,
                              histogram.count());
}

[[nodiscard]] nlohmann::json histogram_json(const Histogram& histogram) {
    return {{"count", histogram.count()},
            {"p50", histogram.percentile_ns(50)},
            {"p90", histogram.percentile_ns(90)},
            {"p99", histogram.percentile_ns(99)},
            {"p99_9", histogram.percentile_ns(99.9)},
            {"max", histogram.max_ns()}};
}

} // namespace

void FloodTotals::add(const FloodTally& tally) {
    for (std::size_t i = 0; i < counters.size(); ++i) {
        counters[i] += tally.counters.get(static_cast<FloodCounter>(i));
    }
}

std::uint64_t FloodTotals::failed() const {
    std::uint64_t sum = 0;
    for (const FailureName& failure : kFailures) {
        sum += get(failure.counter);
    }
    return sum;
}

std::uint64_t FloodTotals::open() const {
    // The two are not read at the same moment, so `closed` may be ahead.
    const std::uint64_t connected = get(FloodCounter::kConnected);
    const std::uint64_t closed = get(FloodCounter::kClosed);
    return connected > closed ? connected - closed : 0;
}

std::string stats_line(const FloodTotals& totals) {
    return fmt::format("Stats: {{{},{},{}}}", totals.open(), totals.get(FloodCounter::kClosed),
                       totals.get(FloodCounter::kChunks));
}

void FloodResult::add(const FloodTally& tally) {
    totals.add(tally);
    for (std::size_t code = 0; code < status_codes.size(); ++code) {
        status_codes[code] += tally.status_codes[code].load(std::memory_order_relaxed);
    }
    if (const int error = tally.last_errno.load(std::memory_order_relaxed); error != 0) {
        last_errno = error;
    }
    if (const int error = tally.log_errno.load(std::memory_order_relaxed); error != 0) {
        log_errno = error;
    }
    last_message_ns =
        std::max(last_message_ns, tally.last_message_ns.load(std::memory_order_relaxed));
    connect_time.merge(tally.connect_time);
    latency.merge(tally.latency);
}

bool FloodResult::passed() const {
    const bool all_opened = interrupted || totals.get(FloodCounter::kConnected) == wanted;
    return all_opened && totals.failed() == 0 && totals.get(FloodCounter::kClosed) == 0 &&
           totals.get(FloodCounter::kLogLinesLost) == 0;
}

double FloodResult::chunks_per_s() const {
    const bool all_time = measured_s <= 0;
    const double seconds = all_time ? opening_s : measured_s;
    const std::uint64_t chunks = all_time ? totals.get(FloodCounter::kChunks) : measured_chunks;
    return seconds <= 0 ? 0 : static_cast<double>(chunks) / seconds;
}

std::string summary_text(const FloodResult& result) {
    const FloodTotals& totals = result.totals;
    const std::uint64_t lines_lost = totals.get(FloodCounter::kLogLinesLost);
    const std::string log = lines_lost == 0
                                ? ""
                                : fmt::format("log           lacks {} lines: {}\n", lines_lost,
                                              std::strerror(result.log_errno));
    return fmt::format("connected     {} of {} in {:.1f} s\n"
                       "failed        {}: {}\n"
                       "closed        {}\n"
                       "chunks        {}, {:.1f} a second\n"
                       "connect time  {}\n"
                       "latency       {}\n"
                       "cost          {:.2f} s of CPU in {} {}\n"
                       "{}",
                       totals.get(FloodCounter::kConnected), result.wanted, result.opening_s,
                       totals.failed(), failures_text(result), totals.get(FloodCounter::kClosed),
                       totals.get(FloodCounter::kChunks), result.chunks_per_s(),
                       percentiles_text(result.connect_time, {50, 99}),
                       percentiles_text(result.latency, {50, 90, 99, 99.9}), result.cpu_s,
                       result.processes, result.processes == 1 ? "process" : "processes", log);
}

std::string summary_json(const FloodResult& result) {
    nlohmann::json failed = {{"total", result.totals.failed()}};
    for (const FailureName& failure : kFailures) {
        failed[std::string(failure.key)] = result.totals.get(failure.counter);
    }
    nlohmann::json status_codes = nlohmann::json::object();
    for (std::size_t code = 0; code < result.status_codes.size(); ++code) {
        if (result.status_codes[code] > 0) {
            status_codes[std::to_string(code)] = result.status_codes[code];
        }
    }
    const nlohmann::json json = {
        {"wanted", result.wanted},
        {"connected", result.totals.get(FloodCounter::kConnected)},
        {"closed", result.totals.get(FloodCounter::kClosed)},
        {"failed", failed},
        {"status_codes", status_codes},
        {"chunks", result.totals.get(FloodCounter::kChunks)},
        {"chunks_per_s", result.chunks_per_s()},
        {"connect_ns", histogram_json(result.connect_time)},
        {"latency_ns", histogram_json(result.latency)},
        {"began_ns", result.began_ns},
        {"last_message_ns", result.last_message_ns},
        {"opening_s", result.opening_s},
        {"measured_s", result.measured_s},
        {"cpu_s", result.cpu_s},
        {"processes", result.processes},
        {"interrupted", result.interrupted},
        {"log_lines_lost", result.totals.get(FloodCounter::kLogLinesLost)},
        {"passed", result.passed()},
    };
    return json.dump();
}

} // namespace zcomet::tools::floodtest
