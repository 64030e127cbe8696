// One sample of a web node's memory and connections: where it comes from, and its line in the log.
#pragma once

#include "topology/base/result.hpp"
#include "topology/wire/endpoint.hpp"

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::tools::memlog {

struct MemlogSample {
    std::uint64_t rss_kb = 0;
    std::uint64_t connections = 0;
    std::uint64_t pss_kb = 0;
};

/// "Mon Oct 20 16:55:05 BST 2008\t1224518105\t41120\t263\t40011\n": the date as date(1) prints it,
/// in the time zone of the process; seconds since 1970; resident KB; connections; PSS in KB. The
/// 2008 log has the first four.
[[nodiscard]] std::string memlog_line(std::time_t when, const MemlogSample& sample);

/// From the JSON of a web node's admin page: {"totals": {"rss_kb", "pss_kb", "streams", …}, …}.
/// Connections are the parked streams. Errors: not such JSON.
[[nodiscard]] Result<MemlogSample> parse_admin_stats(std::string_view json);

/// Asks http://HOST:PORT/stats. Waits for 5 seconds at most.
/// Errors: no answer; another status than 200; not the JSON of a web node.
[[nodiscard]] Result<MemlogSample> sample_admin(const wire::HostPort& where);

/// Looks at a process and its descendants. Absent: the process is gone.
/// Errors: we may not look at it.
[[nodiscard]] Result<std::optional<MemlogSample>>
sample_process(pid_t root, std::optional<std::uint16_t> only_port);

} // namespace zcomet::tools::memlog
