// When to say HELLO again: as soon as the socket to the broker has a connection that it did not
// have before.
#pragma once

#include "topology/session/wires.hpp"

namespace zcomet::session {

/// ZeroMQ connects by itself and does not say so; a session finds out by looking. Looking in every
/// turn costs too much, so two signs say when: the socket refused a frame, or the loop was woken
/// and there was nothing to receive.
///
/// Thread: one.
class ConnectionWatch {
  public:
    /// The socket refused a frame because it had no connection, or it took one.
    void refused() { awaits_connection_ = true; }
    void took() { awaits_connection_ = false; }

    /// Whether the last frame was refused. If so, each turn looks at the socket, and a connection
    /// is work to be done at once.
    [[nodiscard]] bool awaits_connection() const { return awaits_connection_; }

    /// Looks at the socket. @return whether to say HELLO: the socket has a connection, and it had
    /// none at the last look or a frame was refused since.
    [[nodiscard]] bool look(Wires& wires);
    /// The same if the last frame was refused; otherwise returns false without a look.
    [[nodiscard]] bool look_after_refusal(Wires& wires);

  private:
    [[nodiscard]] bool looked(bool connected);

    bool connected_ = false; // at the last look
    bool awaits_connection_ = false;
};

} // namespace zcomet::session
