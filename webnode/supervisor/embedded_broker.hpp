// The broker that a web node starts when no other is named: so one command is a whole cluster.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/loop/source.hpp"
#include "topology/process/kept_broker.hpp"

#include <string>
#include <vector>

namespace zcomet::webnode::supervisor {

/// The path of the zcomet-broker that belongs to this program: beside it, in the build tree's
/// broker/, or in PATH.   Errors: there is none.
[[nodiscard]] Result<std::string> find_broker_program();

/// Runs zcomet-broker as a child and keeps it running. It is in a process group of its own: Ctrl-C
/// then ends the workers first, and they can say goodbye to it. Thread: the supervisor's main
/// thread.
class EmbeddedBroker {
  public:
    /// Starts it and waits until it listens.
    /// Errors: no such program; it ended instead of listening, with what is known about why; it did
    /// not listen within ten seconds.
    /// @param histories   its --history options.
    /// @param hang_after  as KeptBroker::Command's.
    [[nodiscard]] Status start(const std::vector<std::string>& histories, Duration hang_after,
                               Time now);

    /// For the supervisor's loop to drive from then on.
    [[nodiscard]] loop::Source& source() { return broker_; }
    /// Sends it SIGHUP with a number (hangup.hpp).
    void pass_hangup_on(int number) const { broker_.pass_hangup_on(number); }
    void end() { broker_.end(); }

  private:
    [[nodiscard]] Status wait_until_it_listens(Time deadline);

    std::string program_;
    process::KeptBroker broker_;
};

} // namespace zcomet::webnode::supervisor
