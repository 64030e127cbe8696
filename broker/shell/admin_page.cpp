#include "broker/shell/admin_page.hpp"

#include "topology/base/check.hpp"

#include <httplib.h>

namespace zcomet::broker::shell {

namespace {

constexpr time_t kIoTimeoutS = 2;
constexpr std::size_t kRequestBytesMax = 4096;

/// cpp-httplib's own options include SO_REUSEPORT, with which two brokers would share one port and
/// answer by turns.
void set_socket_options(socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

} // namespace

AdminPage::AdminPage() : server_(std::make_unique<httplib::Server>()) {}

Result<std::unique_ptr<AdminPage>> AdminPage::open(const wire::HostPort& address,
                                                   const router::BrokerIdentity& identity,
                                                   const table::BrokerCounters& counters) {
    std::unique_ptr<AdminPage> page(new AdminPage);
    httplib::Server& server = *page->server_;
    server.set_socket_options(set_socket_options);
    // One connection at a time, and one request on each, so that nobody can keep others out.
    server.new_task_queue = [] { return new httplib::ThreadPool(1); };
    server.set_keep_alive_max_count(1);
    server.set_read_timeout(kIoTimeoutS);
    server.set_write_timeout(kIoTimeoutS);
    server.set_payload_max_length(kRequestBytesMax);
    server.Get("/stats", [&](const httplib::Request& /*request*/, httplib::Response& response) {
        response.set_header("Cache-Control", "no-store");
        response.set_content(router::stats_json(identity, counters, Clock::now()) + "\n",
                             "application/json");
    });
    const std::string host = address.host == "*" ? "0.0.0.0" : address.host;
    const int port = address.port == 0                         ? server.bind_to_any_port(host)
                     : server.bind_to_port(host, address.port) ? address.port
                                                               : -1;
    if (port <= 0) {
        return Error{"cannot listen on " + address.text() +
                     " for the admin page: it is in use, or not an address of this machine"};
    }
    page->address_ = {address.host, static_cast<std::uint16_t>(port)};
    page->thread_ = std::thread([&server] { static_cast<void>(server.listen_after_bind()); });
    return page;
}

AdminPage::~AdminPage() {
    if (!thread_.joinable()) {
        return;
    }
    // stop() does nothing to a server whose thread has not come to listen yet.
    while (!server_->is_running()) {
        std::this_thread::yield();
    }
    server_->stop();
    thread_.join();
}

} // namespace zcomet::broker::shell
