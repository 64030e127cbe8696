#include "webnode/supervisor/admin_page.hpp"

#include "topology/metrics/json.hpp"
#include "topology/wire/endpoint.hpp"

#include <httplib.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace zcomet::webnode::supervisor {

namespace {

/// Who looks at the page are a person and a tool or two.
constexpr std::size_t kThreads = 2;

/// Instead of the library's SO_REUSEPORT, with which a second page would get half of the questions.
/// It alone also keeps a web node that was killed from coming back for a minute: connections that
/// linger (TIME_WAIT) give their port only to those with SO_REUSEADDR, if they have had it, too.
void set_socket_options(socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

} // namespace

class AdminPage::Server {
  public:
    explicit Server(WebNodeStats stats) : stats_(std::move(stats)) {
        server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
        // A connection that is kept for the next question would hold up the end of the program.
        server_.set_keep_alive_max_count(1);
        server_.set_socket_options(set_socket_options);
        server_.Get("/stats", [this](const httplib::Request&, httplib::Response& response) {
            response.set_content(
                metrics::to_json(stats_snapshot(stats_), metrics::JsonLayout::kLines) + "\n",
                "application/json");
        });
    }
    ~Server() {
        server_.stop();
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// @return the port, or nothing if it cannot be bound.
    std::optional<std::uint16_t> bind(const wire::HostPort& address) {
        const int port = address.port == 0 ? server_.bind_to_any_port(address.host)
                         : server_.bind_to_port(address.host, address.port) ? address.port
                                                                            : -1;
        if (port <= 0) {
            return std::nullopt;
        }
        return static_cast<std::uint16_t>(port);
    }
    void serve() {
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        // stop() does nothing before the server runs, and this version has no way to wait for that.
        while (!server_.is_running()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

  private:
    WebNodeStats stats_;
    httplib::Server server_;
    std::thread thread_;
};

Result<std::unique_ptr<AdminPage>> AdminPage::open(const std::string& address, WebNodeStats stats) {
    const Result<wire::HostPort> parsed = wire::parse_host_port(address);
    if (!parsed.ok()) {
        return parsed.error();
    }
    wire::HostPort where = parsed.value();
    if (where.host == "*") {
        where.host = "0.0.0.0";
    }
    std::unique_ptr<AdminPage> page(new AdminPage);
    page->server_ = std::make_unique<Server>(std::move(stats));
    const auto port = page->server_->bind(where);
    if (!port) {
        return Error{"cannot serve the admin page at " + where.text() +
                     ": the port is in use, or the address is not one of this machine"};
    }
    where.port = *port;
    page->address_ = where.text();
    page->server_->serve();
    return page;
}

AdminPage::~AdminPage() = default;

} // namespace zcomet::webnode::supervisor
