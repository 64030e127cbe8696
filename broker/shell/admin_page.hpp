// The broker's page for operators: GET /stats answers with the same JSON as the query `stats`.
#pragma once

#include "broker/router/answers.hpp"
#include "topology/base/result.hpp"
#include "topology/wire/endpoint.hpp"

#include <memory>
#include <thread>

namespace httplib {
class Server;
}

namespace zcomet::broker::shell {

/// An HTTP server in a thread of its own, which reads nothing of the broker but its counters: a
/// broker that is busy still answers, and one that answers is not disturbed.
class AdminPage {
  public:
    /// @param identity, counters  must outlive the page.
    /// Errors:  the address cannot be listened on.
    [[nodiscard]] static Result<std::unique_ptr<AdminPage>>
    open(const wire::HostPort& address, const router::BrokerIdentity& identity,
         const table::BrokerCounters& counters);
    /// Ends the thread; takes a moment.
    ~AdminPage();
    AdminPage(const AdminPage&) = delete;
    AdminPage& operator=(const AdminPage&) = delete;

    /// With the port that the system chose, if it was to.
    [[nodiscard]] const wire::HostPort& address() const { return address_; }

  private:
    AdminPage();
    std::unique_ptr<httplib::Server> server_;
    wire::HostPort address_;
    std::thread thread_;
};

} // namespace zcomet::broker::shell
