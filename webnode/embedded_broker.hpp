// The broker that a web node brings along when no other was named: one command then is a whole
// cluster.
#pragma once

#include "topology/result.hpp"
#include "topology/time.hpp"
#include "topology/unique_fd.hpp"
#include "webnode/child_process.hpp"
#include "webnode/restart_delay.hpp"

#include <string>

namespace zcomet {

/// The path of the zcomet-broker that belongs to this program: beside it, in the build tree's
/// broker/, or in PATH.   Errors: there is none.
[[nodiscard]] Result<std::string> find_broker_program();

/// Runs zcomet-broker as a child and keeps it running. It is in a process group of its own, so that
/// Ctrl-C ends the workers first, which then can say goodbye to it.
/// Thread: the supervisor's main thread.
class EmbeddedBroker {
  public:
    /// Starts it and waits until it listens.
    /// Errors: no such program; it ended instead of listening, with what is known about why; it did
    /// not listen within ten seconds.
    [[nodiscard]] Status start(Time now);

    /// Readable when the broker has ended; -1 while none runs.
    [[nodiscard]] int fd() const { return process_.fd(); }
    /// When tick() has something to do beside fd() being readable.
    [[nodiscard]] Time due() const { return restart_at_; }
    /// Notices that it has ended, and starts it again when that is due.
    void tick(Time now);

    /// Ends it, by force after two seconds.
    void end();

  private:
    [[nodiscard]] Status launch(Time now);
    [[nodiscard]] Status wait_until_ready();
    [[nodiscard]] Error explain_end(const ProcessEnd& end) const;

    std::string program_;
    ChildProcess process_;
    UniqueFd output_; // the broker's standard output, where its ready line comes
    RestartDelay delay_;
    Time started_ = Time::min();
    Time restart_at_ = kNever;
};

} // namespace zcomet
