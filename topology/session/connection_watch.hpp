// When to say HELLO again: as soon as the socket to the broker has a connection that it did not
// have before.
#pragma once

#include "topology/session/wires.hpp"

namespace zcomet::session {

/// ZeroMQ connects by itself and tells nobody, so a session is told of a connection by looking. It
/// costs too much to look in every turn; two signs say when: the socket refused a frame, or the
/// loop was woken and there was nothing to receive.
///
/// Thread: one.
class ConnectionWatch {
  public:
    /// The socket had no connection for a frame, or it had one.
    void refused() { awaits_connection_ = true; }
    void took() { awaits_connection_ = false; }

    /// Whether the last frame was refused. While it was, each turn looks, and a connection is
    /// something to do at once.
    [[nodiscard]] bool awaits_connection() const { return awaits_connection_; }

    /// Looks at the socket. @return whether to say HELLO: it has a connection that it did not have
    /// at the last look, or that a frame missed since.
    [[nodiscard]] bool look(Wires& wires);
    /// The same, if the last frame was refused; otherwise it does not look.
    [[nodiscard]] bool look_after_refusal(Wires& wires);

  private:
    [[nodiscard]] bool looked(bool connected);

    bool connected_ = false; // when last looked
    bool awaits_connection_ = false;
};

} // namespace zcomet::session
