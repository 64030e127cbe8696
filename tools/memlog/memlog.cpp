#include "tools/memlog/memlog.hpp"

#include "tools/memlog/memlog_connections.hpp"
#include "tools/memlog/process_tree.hpp"
#include "topology/wire/endpoint.hpp"

#include <httplib.h>
#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <array>

namespace zcomet::tools::memlog {

namespace {

constexpr std::time_t kTimeoutS = 5;
constexpr const char* kStatsPath = "/stats";

/// httplib has one word for each failure.
std::string why_no_answer(httplib::Error error) {
    switch (error) {
    case httplib::Error::Connection:
        return "there is no connection; has the web node an --admin page there?";
    case httplib::Error::Read:
        return fmt::format("it took the connection, but closed it, or was silent for {} s, before "
                           "the answer was whole",
                           kTimeoutS);
    default:
        return "HTTP: " + httplib::to_string(error);
    }
}

} // namespace

std::string memlog_line(std::time_t when, const MemlogSample& sample) {
    std::tm local{};
    ::localtime_r(&when, &local);
    std::array<char, 64> date{};
    const std::size_t size =
        std::strftime(date.data(), date.size(), "%a %b %e %H:%M:%S %Z %Y", &local);
    return fmt::format("{}\t{}\t{}\t{}\t{}\n", std::string_view(date.data(), size), when,
                       sample.rss_kb, sample.connections, sample.pss_kb);
}

Result<MemlogSample> parse_admin_stats(std::string_view json) {
    try {
        const auto totals = nlohmann::json::parse(json).at("totals");
        return MemlogSample{.rss_kb = totals.at("rss_kb").get<std::uint64_t>(),
                            .connections = totals.at("streams").get<std::uint64_t>(),
                            .pss_kb = totals.at("pss_kb").get<std::uint64_t>()};
    } catch (const nlohmann::json::exception& error) {
        return Error{std::string("the answer is not a web node's: ") + error.what()};
    }
}

Result<MemlogSample> sample_admin(const wire::HostPort& where) {
    const std::string url = "http://" + where.text() + kStatsPath;
    httplib::Client client(where.host, where.port);
    client.set_connection_timeout(kTimeoutS);
    client.set_read_timeout(kTimeoutS);
    const httplib::Result answer = client.Get(kStatsPath);
    if (!answer) {
        return Error{"no answer from " + url + ": " + why_no_answer(answer.error())};
    }
    if (answer->status != 200) {
        return Error{fmt::format("{} answers with status {}", url, answer->status)};
    }
    return parse_admin_stats(answer->body);
}

Result<std::optional<MemlogSample>> sample_process(pid_t root,
                                                   std::optional<std::uint16_t> only_port) {
    const std::vector<pid_t> processes = process_tree(root);
    if (processes.empty()) {
        return std::optional<MemlogSample>();
    }
    const Result<process::ProcessMemory> memory = tree_memory(processes);
    if (!memory.ok()) {
        return memory.error();
    }
    if (memory.value().rss_kb == 0) { // it is just ending, and has given its memory back already
        return std::optional<MemlogSample>();
    }
    return std::optional(MemlogSample{.rss_kb = memory.value().rss_kb,
                                      .connections = tree_connections(processes, only_port),
                                      .pss_kb = memory.value().pss_kb});
}

} // namespace zcomet::tools::memlog
