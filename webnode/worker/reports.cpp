#include "webnode/worker/reports.hpp"

#include "topology/base/text.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <cstddef>
#include <iterator>

namespace zcomet::webnode::worker {

namespace {

using slot::WorkerCounter;

/// What an operator can do about requests with another Host.
constexpr std::string_view kOtherHostWords = "no name of this node; --http-name adds one";
constexpr std::string_view kUncheckedWords = "too many signatures of tokens were not good";

/// What a line needs to be there: the counter of another part stands still.
enum class Of : std::uint8_t { kPort, kHook, kApi };

/// @param in     of what kPort, kHook or kApi says, nothing is nullptr.
/// @param count  by how much the counter has risen.
/// @return the fields after the event and the node.
using Fields = std::string (*)(const ReportSources& in, std::uint64_t count);

struct Row {
    WorkerCounter counter;
    Of of;
    spdlog::level::level_enum level;
    std::string_view event;
    Fields fields;
};

std::string text_field(std::string_view text) {
    return " text=" + log_value(text);
}

std::string requests_of(std::uint64_t count) {
    return fmt::format(" requests={}", count);
}

std::string api_requests_of(std::uint64_t count) {
    return fmt::format(" port=api requests={}", count);
}

/// The public port's connection, if there was one: both ports count in one counter.
std::string tls_fields(const ReportSources& in, std::uint64_t count) {
    std::string who = in.stream_log.take(connection::Incident::kTls);
    const bool is_of_api = who.empty() && in.api != nullptr;
    if (is_of_api) {
        who = " port=api" + in.api->take(connection::Incident::kTls);
    }
    const std::string& why = is_of_api ? in.api->tls_failure() : in.connections.tls_failure();
    return fmt::format(" connections={} reason={}{}", count, log_value(why), who);
}

constexpr auto kInfo = spdlog::level::info;
constexpr auto kWarning = spdlog::level::warn;

/// In the order in which they are logged.
constexpr Row kRows[] = {
    {WorkerCounter::kStreamsSlow, Of::kPort, kWarning, "slow",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format(" policy={} streams={} chunks_dropped={}{}",
                            connection::name_of(in.options.slow.policy), count,
                            in.counters.get(WorkerCounter::kChunksDropped),
                            in.stream_log.take(connection::Incident::kMissing));
     }},
    {WorkerCounter::kRequestsShed, Of::kPort, kWarning, "requests-shed",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format("{} request_memory={}{}", requests_of(count),
                            in.options.requests.bytes_max,
                            in.stream_log.take(connection::Incident::kShed));
     }},
    {WorkerCounter::kInputCloses, Of::kPort, kWarning, "input",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format(" streams={}{}{}", count,
                            in.stream_log.take(connection::Incident::kInput),
                            text_field("ended: their browsers sent too much"));
     }},
    {WorkerCounter::kResponses4xx, Of::kPort, kInfo, "requests-refused",
     [](const ReportSources& in, std::uint64_t count) {
         return requests_of(count) + in.stream_log.take(connection::Incident::kRefused);
     }},
    {WorkerCounter::kProxyRefusals, Of::kPort, kWarning, "proxy-refused",
     [](const ReportSources& /*in*/, std::uint64_t count) {
         return fmt::format(" connections={}{}", count,
                            text_field("from --trust-proxy, without a PROXY header of version 2"));
     }},
    {WorkerCounter::kTlsFailures, Of::kPort, kInfo, "tls-failed", tls_fields},
    {WorkerCounter::kHostRefusals, Of::kPort, kWarning, "host-refused",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format("{} host={}{}", requests_of(count), log_value(in.guard.last_host()),
                            text_field(kOtherHostWords));
     }},
    {WorkerCounter::kTokenRefusals, Of::kPort, kInfo, "tokens-refused",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format("{} reason={}", requests_of(count), in.gate.last_reason());
     }},
    {WorkerCounter::kTokensUnchecked, Of::kPort, kWarning, "tokens-unchecked",
     [](const ReportSources& /*in*/, std::uint64_t count) {
         return requests_of(count) + text_field(kUncheckedWords);
     }},
    {WorkerCounter::kTokenEnds, Of::kPort, kInfo, "tokens-expired",
     [](const ReportSources& /*in*/, std::uint64_t count) {
         return fmt::format(" streams={}", count);
     }},
    {WorkerCounter::kHookFailed, Of::kHook, kWarning, "hook-failed",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format("{} reason={}{}", requests_of(count), in.hook->last_failure(),
                            text_field("the hook had no good answer: they got 503"));
     }},
    {WorkerCounter::kHookRefused, Of::kHook, kInfo, "hook-refused",
     [](const ReportSources& /*in*/, std::uint64_t count) { return requests_of(count); }},
    {WorkerCounter::kApiRequestsShed, Of::kApi, kWarning, "requests-shed",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format("{} request_memory={}{}", api_requests_of(count),
                            in.options.requests.bytes_max,
                            in.api->take(connection::Incident::kShed));
     }},
    {WorkerCounter::kApiResponses4xx, Of::kApi, kInfo, "requests-refused",
     [](const ReportSources& in, std::uint64_t count) {
         return api_requests_of(count) + in.api->take(connection::Incident::kRefused);
     }},
    {WorkerCounter::kApiHostRefusals, Of::kApi, kWarning, "host-refused",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format("{} host={}{}", api_requests_of(count),
                            log_value(in.api->guard().last_host()), text_field(kOtherHostWords));
     }},
    {WorkerCounter::kApiTokenRefusals, Of::kApi, kInfo, "tokens-refused",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format("{} reason={}", api_requests_of(count), in.api->gate().last_reason());
     }},
    {WorkerCounter::kApiTokensUnchecked, Of::kApi, kWarning, "tokens-unchecked",
     [](const ReportSources& /*in*/, std::uint64_t count) {
         return api_requests_of(count) + text_field(kUncheckedWords);
     }},
    {WorkerCounter::kPublishRefusals, Of::kApi, kWarning, "publish-refused",
     [](const ReportSources& /*in*/, std::uint64_t count) {
         return fmt::format(" messages={}{}", count,
                            text_field("there was no broker, or it held senders back"));
     }},
    {WorkerCounter::kPublishLost, Of::kApi, kWarning, "publish-lost",
     [](const ReportSources& /*in*/, std::uint64_t count) {
         return fmt::format(" messages={}{}", count,
                            text_field("the broker was lost before it said what became of them"));
     }},
    {WorkerCounter::kStreamsRefused, Of::kPort, kWarning, "streams-refused",
     [](const ReportSources& in, std::uint64_t count) {
         return fmt::format(" streams={}{}", count, text_field(in.why_streams_are_refused));
     }},
};

bool is_there(const ReportSources& sources, Of of) {
    switch (of) {
    case Of::kPort:
        return true;
    case Of::kHook:
        return sources.hook != nullptr;
    case Of::kApi:
        return sources.api != nullptr;
    }
    return false;
}

} // namespace

Reports::Reports() {
    counters_.reserve(std::size(kRows));
    for (const Row& row : kRows) {
        counters_.emplace_back(row.counter);
    }
}

void Reports::begin(const metrics::Counters<slot::WorkerCounter>& counters) {
    for (CounterReport& report : counters_) {
        report.begin(counters);
    }
}

void Reports::turn(const ReportSources& sources, Time now) {
    for (std::size_t n = 0; n < std::size(kRows); ++n) {
        const Row& row = kRows[n];
        const std::uint64_t count =
            is_there(sources, row.of) ? counters_[n].news(sources.counters, now) : 0;
        if (count > 0) {
            spdlog::log(row.level, "event={} node={}{}", row.event, sources.options.name,
                        row.fields(sources, count));
        }
    }
}

} // namespace zcomet::webnode::worker
