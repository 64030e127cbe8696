// The web node's admin page: GET /stats, for people and for tools.
#pragma once

#include "topology/base/result.hpp"
#include "webnode/supervisor/stats.hpp"

#include <memory>
#include <string>

namespace zcomet::webnode::supervisor {

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
