// What a session sends over: the DEALER that goes to the broker, and a node's SUB.
#pragma once

#include "topology/base/result.hpp"

#include <string>

namespace zcomet::session {

/// The DEALER. Every call comes from within a call to the session, on its thread, and must not call
/// back into the session.
class Wires {
  public:
    Wires() = default;
    virtual ~Wires() = default;
    Wires(const Wires&) = delete;
    Wires& operator=(const Wires&) = delete;

    /// Sends one frame to the broker. A frame that finds no connection is lost: the session repeats
    /// what matters.
    virtual void send(std::string&& frame) = 0;
};

/// The SUB of a node. Called as Wires.
class FeedWires {
  public:
    FeedWires() = default;
    virtual ~FeedWires() = default;
    FeedWires(const FeedWires&) = delete;
    FeedWires& operator=(const FeedWires&) = delete;

    /// Connects the SUB to `endpoint` (instead of where it was, if anywhere), subscribed to the
    /// node's topic. The broker need not be there yet.
    /// Errors: this process cannot connect there, whatever the broker does.
    [[nodiscard]] virtual Status connect_feed(const std::string& endpoint) = 0;
};

} // namespace zcomet::session
