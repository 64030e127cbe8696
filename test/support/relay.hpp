// A stand-in for a server, which passes all bytes on to it and back until a test cuts it: like a
// firewall before one port, but without the rights that a firewall needs.
#pragma once

#include "topology/base/unique_fd.hpp"
#include "topology/wire/endpoint.hpp"

#include <atomic>
#include <list>
#include <string>
#include <thread>

namespace zcomet::test {

/// Thread: one, for its whole life. A thread of its own passes the bytes on.
class Relay {
  public:
    /// Listens at an IPv4 address `host` of this machine, at the port of `server`. Throws
    /// std::system_error if that cannot be listened on.
    Relay(const std::string& host, const wire::HostPort& server);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    /// From now on nothing passes. Connections stay, and new ones seem to succeed.
    void cut() { set(true); }
    /// From now on everything passes, and first what has waited.
    void heal() { set(false); }

  private:
    struct Pair;

    void set(bool is_cut);
    void run();
    void accept_client();

    wire::HostPort server_;
    UniqueFd listener_;
    UniqueFd news_;         // an eventfd: is_cut_ or is_ending_ has changed
    std::list<Pair> pairs_; // the thread's own
    std::atomic<bool> is_cut_ = false;
    std::atomic<bool> is_ending_ = false;
    std::thread thread_;
};

} // namespace zcomet::test
