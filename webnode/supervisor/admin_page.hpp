// The web node's admin page: GET /stats, for people and for tools.
#pragma once

#include "topology/base/result.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <span>
#include <string>

namespace zcomet::webnode::supervisor {

/// What a web node's stats are about.
struct WebNodeStats {
    std::string name;
    std::string http; ///< HOST:PORT
    std::span<const slot::WorkerSlot> workers;
};

/// The document that /stats answers:
///
///     {"name", "version", "pid", "http",
///      "workers": [{"name", "pid", "state", "restarts", "streams", "connections", "rss_kb",
///                   "pss_kb", "counters": {…}}],
///      "totals": {"streams", "connections", "restarts", "rss_kb", "pss_kb", "counters": {…}}}
///
/// The memory in the totals is that of the calling process (the supervisor) and its workers. A
/// worker that is down has pid 0.
/// Thread: any.   Cost: reads /proc/PID/smaps_rollup of each process, a millisecond or so.
[[nodiscard]] nlohmann::json web_node_stats(const WebNodeStats& stats);

/// Serves the page from a thread of its own.
class AdminPage {
  public:
    /// @param address  HOST:PORT; port 0: any.
    /// Errors: the address is not one, or cannot be listened at.
    [[nodiscard]] static Result<std::unique_ptr<AdminPage>> open(const std::string& address,
                                                                 WebNodeStats stats);
    ~AdminPage();
    AdminPage(const AdminPage&) = delete;
    AdminPage& operator=(const AdminPage&) = delete;

    /// HOST:PORT, with the port that the system chose.
    [[nodiscard]] const std::string& address() const { return address_; }

  private:
    AdminPage() = default;

    class Server;
    std::unique_ptr<Server> server_;
    std::string address_;
};

} // namespace zcomet::webnode::supervisor
