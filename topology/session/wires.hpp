// What a session talks over: the DEALER that goes to the broker, and a node's SUB.
#pragma once

#include "topology/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace zcomet::session {

/// The DEALER. Every call comes from within a call to the session or its turn, on its thread, and
/// must not call back into those.
class Wires {
  public:
    Wires() = default;
    virtual ~Wires() = default;
    Wires(const Wires&) = delete;
    Wires& operator=(const Wires&) = delete;

    /// Sends one frame to the broker. A frame that finds no connection is lost: the session repeats
    /// what matters.
    virtual void send(std::string&& frame) = 0;
    /// The next frame from the broker; nothing if none waits. The view lives until the next call.
    [[nodiscard]] virtual std::optional<std::string_view> receive() = 0;
    /// Whether a frame sent now would find a connection.
    [[nodiscard]] virtual bool connected() = 0;
};

/// The SUB of a node. Its calls follow the rules of Wires.
class FeedWires {
  public:
    FeedWires() = default;
    virtual ~FeedWires() = default;
    FeedWires(const FeedWires&) = delete;
    FeedWires& operator=(const FeedWires&) = delete;

    /// Connects the SUB to `endpoint`, by a new connection even if it has one to the same endpoint,
    /// and subscribes to the node's topic. The broker need not be there yet.
    /// Errors: this process cannot connect to that endpoint, whatever the broker does.
    [[nodiscard]] virtual Status connect_feed(const std::string& endpoint) = 0;
    /// The next frame of the feed, without its topic; nothing if none waits. The view lives until
    /// the next call. A message of a form that the protocol does not have becomes an empty frame.
    [[nodiscard]] virtual std::optional<std::string_view> receive_batch() = 0;
    /// Whether receive_batch() would find one.
    [[nodiscard]] virtual bool batch_waits() = 0;
};

} // namespace zcomet::session
