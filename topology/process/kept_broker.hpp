// A zcomet-broker that runs as a child process, and is started again whenever it ends: for
// `zcomet-broker --supervise`, and for a web node that brings its own broker along.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/loop/source.hpp"
#include "topology/process/child_process.hpp"
#include "topology/process/hang_watch.hpp"
#include "topology/process/restart_delay.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::process {

/// Nodes and senders come back to the address that they know. So each further process gets the
/// addresses of the first, with the ports that the system chose: an option `--bound-KEY=VALUE` for
/// each value on the first one's ready line.
/// A loop drives it. Thread: the main thread (see ChildProcess).
class KeptBroker : public loop::Source {
  public:
    struct Command {
        std::string program;                ///< path of the executable
        std::vector<std::string> arguments; ///< without the program's name
        bool own_group = false;             ///< see ChildProcess::Spec
        /// A broker whose loop has stood still for so long is killed, and started again. It gets
        /// the option `--pulse-fd`, for a Pulse. Zero: never, and no such option.
        Duration hang_after = Duration::zero();
    };

    /// Starts it. A later turn() sees that it listens, or that it has ended instead.
    /// Errors: no more processes or descriptors.
    [[nodiscard]] Status start(Command command, Time now);

    /// Of its end and of its output; -1 is none.
    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    [[nodiscard]] std::uint32_t fds_version() const override { return fds_version_; }
    [[nodiscard]] Time due() const override;
    /// Looks whether it listens, hangs or has ended, and starts it again when that is due.
    bool turn(Time now) override;

    /// Whether one of its processes has listened since start().
    [[nodiscard]] bool has_listened() const { return !addresses_.empty(); }
    /// What it said then: "listen=tcp://… feed=tcp://…".
    [[nodiscard]] const std::string& addresses() const { return addresses_; }
    /// How it ended, if it ended before it ever listened. It is not started again: it would say on
    /// standard error once more what it has said already.
    [[nodiscard]] const std::optional<ProcessEnd>& given_up() const { return given_up_; }

    /// Sends it SIGHUP with a number (hangup.hpp).
    void pass_hangup_on(int number) const;
    /// Ends it, by force after two seconds.
    void end();

  private:
    [[nodiscard]] Status launch(Time now);
    [[nodiscard]] std::vector<std::string> arguments() const;
    void read_output(Time now);
    void on_line(std::string_view line, Time now);
    void on_end(const ProcessEnd& end, Time now);
    void watch_for_hang(Time now);
    void renew_fds();

    Command command_;
    ChildProcess process_;
    UniqueFd output_; // its standard output, for the ready line
    std::array<int, 2> fds_{-1, -1};
    std::uint32_t fds_version_ = 0;
    std::string line_; // of its output, not yet whole
    std::string addresses_;
    std::optional<ProcessEnd> given_up_;
    RestartDelay delay_;
    UniqueFd pulse_; // an eventfd, in which the process counts
    std::uint64_t pulses_ = 0;
    HangWatch hang_;
    Time started_ = Time::min();
    Time ended_ = Time::min(); // when the process before this one did
    Time restart_at_ = kNever;
};

} // namespace zcomet::process
