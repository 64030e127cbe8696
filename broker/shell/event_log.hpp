// The router's events as log lines, with limits on those that a peer can cause at will.
#pragma once

#include "broker/router/router.hpp"
#include "topology/program/program.hpp"

namespace zcomet::broker::shell {

/// Thread:  the broker's loop.
class EventLog {
  public:
    void write(const router::RouterEvent& event, Time now);

  private:
    void write_refusal(const router::RouterEvent& event, Time now);

    program::LogLimit refusals_;
    program::LogLimit sheds_;
    program::LogLimit lags_;
    program::LogLimit disbelieved_;
};

} // namespace zcomet::broker::shell
