// A session's turns in a loop: what to receive, in which order, and what to do then.
#pragma once

#include "topology/base/time.hpp"
#include "topology/session/connection_watch.hpp"
#include "topology/session/node_session.hpp"
#include "topology/session/sender_session.hpp"

namespace zcomet::session {

/// A node's turn. Everything that it refers to must live longer than it does.
class NodeTurn {
  public:
    NodeTurn(NodeSession& session, Wires& wires, FeedWires& feed_wires, const NodeEvents& events,
             ConnectionWatch& watch)
        : session_(session), wires_(wires), feed_wires_(feed_wires), events_(events),
          watch_(watch) {}

    /// Receives up to a budget of frames and batches, then sends what is due. Call it once each
    /// time that the loop is woken: a turn in which nothing is received looks for a connection.
    void run(Time now);

  private:
    [[nodiscard]] int receive_frames(Time now);
    [[nodiscard]] int receive_batches(Time now);

    NodeSession& session_;
    Wires& wires_;
    FeedWires& feed_wires_;
    const NodeEvents& events_;
    ConnectionWatch& watch_;
};

/// A sender's turn. Everything that it refers to must live longer than it does.
class SenderTurn {
  public:
    SenderTurn(SenderSession& session, Wires& wires, ConnectionWatch& watch)
        : session_(session), wires_(wires), watch_(watch) {}

    /// Receives up to a budget of frames. SenderSession::tick() follows, after more was sent or at
    /// once.
    void receive(Time now);

  private:
    SenderSession& session_;
    Wires& wires_;
    ConnectionWatch& watch_;
};

} // namespace zcomet::session
