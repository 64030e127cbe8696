// Counts and logs connections that fail in their handshake for want of a key, or for a key that is
// not asked for. Which keys are refused, the Gatekeeper says.
#pragma once

#include "topology/link/handshake_watch.hpp"
#include "topology/loop/source.hpp"
#include "topology/program/program.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <span>

namespace zcomet::broker::shell {

/// Thread: the broker's loop.
class Handshakes final : public loop::Source {
  public:
    /// @param on_failure  called for each failed handshake.
    Handshakes(link::LinkContext& context, link::ZmqSocket& peers, link::ZmqSocket& feeds,
               std::function<void()> on_failure);

    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    bool turn(Time now) override;

  private:
    bool has_keys_;
    std::array<link::HandshakeWatch, 2> watches_;
    std::array<int, 2> fds_;
    std::function<void()> on_failure_;
    program::LogLimit failed_;
};

} // namespace zcomet::broker::shell
