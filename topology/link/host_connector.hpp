// Connects a socket to a host by its name, without waiting for the name service.
#pragma once

#include "topology/base/result.hpp"
#include "topology/link/address_walk.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/net/lookup.hpp"
#include "topology/wire/endpoint.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace zcomet::link {

/// ZeroMQ would look names up in its own thread, where a dead name server stops everything, take
/// the first address only, and not say that there is none. So ZeroMQ gets addresses in digits, each
/// address of the host in turn.
///
/// A host in digits is connected at once and costs nothing afterwards. Thread: one.
class HostConnector {
  public:
    /// @param socket  lives longer than this; nobody else connects it.
    explicit HostConnector(ZmqSocket& socket) : socket_(socket) {}

    /// Begins to connect to `endpoint`, "tcp://HOST:PORT", instead of the one before.
    /// Errors: it is malformed, or this process cannot connect to it, whatever is there.
    [[nodiscard]] Status connect(const std::string& endpoint);

    /// Goes on when due() has come, which it has when a look-up has its answer.
    /// @param connected  whether the connection works.
    /// Errors: the name has no address, or this process cannot connect to one. Another try follows.
    [[nodiscard]] Status turn(bool connected, Time now);
    [[nodiscard]] Time due() const;
    /// Readable when a look-up has its answer; -1 while there is none to wait for.
    [[nodiscard]] int fd() const { return lookup_ ? lookup_->fd() : -1; }
    /// As in loop::Source.
    [[nodiscard]] std::uint32_t fds_version() const { return fds_version_; }

    /// Begins anew where the socket is connected or tries to, as after a failed handshake, which
    /// ZeroMQ does not repeat. Errors: as connect().
    [[nodiscard]] Status connect_again() {
        return endpoint_.empty() ? Status(Done{}) : connect_to(std::string(endpoint_));
    }

    /// If the host has further addresses, tries the next one at once. @return false if it has none.
    bool skip_address(Time now);

    /// Where the socket is connected or tries to, in digits; empty while there is no address.
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  private:
    [[nodiscard]] Status connect_to(const std::string& endpoint);
    void look_up();
    [[nodiscard]] Status take_answer(Time now);

    ZmqSocket& socket_;
    wire::HostPort host_;
    bool walks_ = false; // the host is a name
    AddressWalk walk_;
    std::unique_ptr<net::Lookup> lookup_;
    std::string endpoint_;
    std::uint32_t fds_version_ = 0;
};

} // namespace zcomet::link
