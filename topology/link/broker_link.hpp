// The DEALER to one broker: what the links of a node and of a sender have in common.
#pragma once

#include "topology/base/result.hpp"
#include "topology/link/handshake_watch.hpp"
#include "topology/link/host_connector.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/source.hpp"
#include "topology/session/connection_watch.hpp"
#include "topology/session/wires.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace zcomet::link {

/// The base of NodeLink and SenderLink. Thread: one, for its whole life.
class BrokerLink : public loop::Source, protected session::Wires {
  protected:
    explicit BrokerLink(LinkContext& context);

    /// @param broker  "tcp://HOST:PORT"; need not be reachable yet.
    [[nodiscard]] Status connect(const std::string& broker) { return connector_.connect(broker); }
    /// Goes on with connecting to a broker that has a name, when that is due, and to one that has
    /// not agreed with us on keys. To be called first in each turn. Errors: as
    /// HostConnector::turn(); the handshake has failed.
    [[nodiscard]] Status follow_name(Time now);
    [[nodiscard]] const HostConnector& connector() const { return connector_; }
    void send(std::string&& frame) final;
    [[nodiscard]] std::optional<std::string_view> receive() final;
    [[nodiscard]] bool connected() final { return dealer_.writable(); }

    /// Whether the DEALER has something to do that its descriptor may be silent about: sending
    /// handles ZeroMQ's internal commands, which can make a socket readable, or connected.
    [[nodiscard]] bool has_more();
    /// Gives frames sent last up to a second to go when the socket is closed.
    void linger();

    [[nodiscard]] int fd() const { return dealer_.fd(); }
    [[nodiscard]] session::ConnectionWatch& watch() { return watch_; }

  private:
    ZmqSocket dealer_;
    Security::Mode mode_;
    HandshakeWatch handshakes_;
    HostConnector connector_;
    Time next_look_ = Time::min(); // at handshakes_
    Time again_at_ = kNever;       // ZeroMQ does not try again after a failed handshake
    session::ConnectionWatch watch_;
    std::optional<zmq::message_t> in_hand_; // receive() gave a view of it
};

} // namespace zcomet::link
