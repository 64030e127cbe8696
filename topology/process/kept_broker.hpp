// A zcomet-broker that runs as a child process, and is started again whenever it ends. What
// `zcomet-broker --supervise` is, and a web node that brings its own broker along.
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

/// Nodes and senders come back to the address that they know, so each further process gets the
/// addresses of the first, whatever port the system had chosen for that: an option
/// `--bound-KEY=VALUE` for each of the values on its ready line.
/// A loop drives it. Thread: the main thread (see ChildProcess).
class KeptBroker : public loop::Source {
  public:
    struct Command {
        std::string program;                ///< path of the executable
        std::vector<std::string> arguments; ///< without the program's name
        bool own_group = false;             ///< see ChildProcess::Spec
        /// One whose loop has stood still for so long is killed, and started again. It gets the
        /// option `--pulse-fd` then, for a Pulse. Zero: never.
        Duration hang_after = Duration::zero();
    };

    /// Starts it; that it listens, or has ended instead, shows after a turn().
    /// Errors: no more processes or descriptors.
    [[nodiscard]] Status start(Command command, Time now);

    /// Of its end and of its output; -1 is none.
    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    [[nodiscard]] std::uint32_t fds_version() const override { return fds_version_; }
    [[nodiscard]] Time due() const override;
    /// Looks whether it listens, hangs or has ended, and starts it again when that is due.
    bool turn(Time now) override;

    /// Whether a process of it has come to listen since start().
    [[nodiscard]] bool has_listened() const { return !addresses_.empty(); }
    /// What it said then: "listen=tcp://… feed=tcp://…".
    [[nodiscard]] const std::string& addresses() const { return addresses_; }
    /// How it ended, if it ended before it ever listened. It has said why on standard error, would
    /// say the same again, and is not started again.
    [[nodiscard]] const std::optional<ProcessEnd>& given_up() const { return given_up_; }

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
    UniqueFd output_; // its standard output, where its ready line comes
    std::array<int, 2> fds_{-1, -1};
    std::uint32_t fds_version_ = 0;
    std::string line_; // what came there since the last end of a line
    std::string addresses_;
    std::optional<ProcessEnd> given_up_;
    RestartDelay delay_;
    UniqueFd pulse_; // an eventfd, in which the process counts
    std::uint64_t pulses_ = 0;
    HangWatch hang_;
    Time started_ = Time::min();
    Time ended_ = Time::min(); // the process before this one
    Time restart_at_ = kNever;
};

} // namespace zcomet::process
