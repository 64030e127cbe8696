// The router's events as log lines, with limits on those that a peer can cause at will.
#pragma once

#include "broker/router/router.hpp"
#include "topology/base/rate_limit.hpp"
#include "topology/program/program.hpp"

#include <array>
#include <cstdint>

namespace zcomet::broker::shell {

/// Thread:  the broker's loop.
class EventLog {
  public:
    void write(const router::RouterEvent& event, Time now);

  private:
    void write_refusal(const router::RouterEvent& event, Time now);
    void write_of_peer(const router::RouterEvent& event, Time now);

    /// Enough that each node of a cluster that starts has its line.
    /// @limit log lines a second about peers that join, or leave, or die, ...; others are counted
    static constexpr std::uint32_t kPerSecond = 20;
    struct OfKind {
        RateLimit limit{kPerSecond};
        std::uint64_t times = 0; // since the last line
    };

    program::LogLimit refusals_;
    program::LogLimit sheds_;
    std::array<OfKind, router::RouterEvent::kKinds> of_kinds_;
    program::LogLimit lags_;
    program::LogLimit disbelieved_;
};

} // namespace zcomet::broker::shell
