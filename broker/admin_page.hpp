// The broker's page for operators: GET /stats answers with the same JSON as the query `stats`.
#pragma once

#include "broker/answers.hpp"
#include "topology/endpoint.hpp"
#include "topology/result.hpp"

#include <memory>
#include <thread>

namespace httplib {
class Server;
}

namespace zcomet {

/// An HTTP server in a thread of its own, which reads nothing of the broker but its counters: a
/// broker that is busy still answers, and one that answers is not disturbed.
class AdminPage {
  public:
    /// @param identity, counters  must outlive the page.
    /// Errors:  the address cannot be listened on.
    [[nodiscard]] static Result<std::unique_ptr<AdminPage>>
    open(const HostPort& address, const BrokerIdentity& identity, const BrokerCounters& counters);
    /// Ends the thread; takes a moment.
    ~AdminPage();
    AdminPage(const AdminPage&) = delete;
    AdminPage& operator=(const AdminPage&) = delete;

    /// With the port that the system chose, if it was to.
    [[nodiscard]] const HostPort& address() const { return address_; }

  private:
    AdminPage();
    std::unique_ptr<httplib::Server> server_;
    HostPort address_;
    std::thread thread_;
};

} // namespace zcomet
