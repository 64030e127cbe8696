// The router's events as log lines, with limits on those that a peer can cause at will.
#pragma once

#include "broker/router.hpp"
#include "topology/program.hpp"

namespace zcomet {

/// Thread:  the broker's loop.
class EventLog {
  public:
    void write(const RouterEvent& event);

  private:
    void write_refusal(const RouterEvent& event);

    LogLimit refusals_;
    LogLimit sheds_;
};

} // namespace zcomet
