// What every program has in common: options, the cluster file, logs, signals, the line that says
// "ready".
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/program/option_table.hpp"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace CLI { // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace zcomet::program {

/// Adds --version, --config FILE (TOML or INI with the same option names; unknown names are errors)
/// and --log-level to `app`, which must live until run_program() returns. Its name is the
/// program's.
void add_common_options(CLI::App& app);

/// A mistake in the options, or in a file that they name: only a person can mend it. Any other
/// cause that keeps a program from starting (a port in use, no memory) may have passed at the next
/// try.
class Misconfigured : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// What happens to a program that logs while the reader of its standard error does not read.
enum class LogMode {
    kWait,      ///< it waits: for tools, which serve no clients, and may fork
    kNeverWait, ///< it goes on, and the oldest lines are dropped and counted (log_queue.hpp)
};

/// Gets the sentence that says why a program fails, after people have got it.
using OnFailure = std::function<void(const std::string& sentence)>;

/// Parses the command line, sets the logs up as --log-level says, then calls `body`. Any mistake
/// becomes one line "PROGRAM: …" on standard error. With LogMode::kWait, output that cannot be
/// written is a failure.
/// @return the exit status for main(): 0, what `body` returned, or 2 for bad options and if `body`
/// threw Misconfigured, or 1 if it threw anything else.
[[nodiscard]] int run_program(CLI::App& app, int argc, char** argv,
                              const std::function<int()>& body, LogMode mode = LogMode::kWait,
                              const OnFailure& on_failure = {});

/// Opens /dev/null as each of the descriptors 0, 1 and 2 that is closed: a program that was started
/// without them (by cron, a wrapper) would otherwise get a socket or a shared file as one of these,
/// and log into it. run_program() calls this first; nothing may be opened before.
/// Throws std::system_error if /dev/null cannot be opened.
void occupy_standard_descriptors();

/// Reads the command line and the --config file again (for SIGHUP): takes the log level, and the
/// values of the rows that are Row::reloadable(). Logs what has changed, and what has and is read
/// at the start only. A mistake is logged, and changes nothing.
/// @param app      add_common_options() and `again` have declared their options to it.
/// @param argc     as main() got it, like `argv`.
/// @param settle   called after the parsing: checks the options together, as at the start, and ends
///                 with OptionTable::note_settled(). Throws Misconfigured.
/// @param again    the options of `app`.
/// @param running  the options in effect.
/// @return whether it was read without a mistake.
bool reload(CLI::App& app, int argc, const char* const* argv, const std::function<void()>& settle,
            const OptionTable& again, OptionTable& running);
/// --log-level, as the command line and the --config file say it now. Nothing else in them is
/// looked at. `argc` and `argv` are those of main().
/// Errors: the file cannot be read; it is malformed; there is no such level.
[[nodiscard]] Result<std::string> read_log_level(int argc, const char* const* argv);
/// @param name  from read_log_level().
void use_log_level(const std::string& name);
/// The level in effect as a number, and its use in another process.
[[nodiscard]] int log_level();
void use_log_level(int number);

/// Logs go to standard error, one line per event, `key=value`. run_program() calls this. A program
/// that does not use run_program() calls it before anything logs.
/// Level: trace, debug, info, warning, error or off.
void set_up_logging(std::string_view program, std::string_view level, LogMode mode);

/// Writes one line "PROGRAM ready KEY=VALUE …" to standard output at once: the process that started
/// the program may wait for it.
void print_ready(std::string_view program, std::string_view fields);

/// Blocks SIGINT and SIGTERM for the calling thread (and those it starts later) and ignores
/// SIGPIPE.
/// @return a descriptor that becomes readable when one of them arrives (signalfd(2), non-blocking).
/// Call before any thread starts, so before any ZeroMQ context exists.
[[nodiscard]] UniqueFd catch_termination_signals();
/// Takes the next signal that has come to such a descriptor.
/// @return its number; nothing: none waits.
[[nodiscard]] std::optional<int> take_termination_signal(const UniqueFd& fd);

/// Lets one event a second through and counts the others: for log lines that a peer can cause.
class LogLimit {
  public:
    /// @limit time between two log lines of a kind that a peer can cause
    static constexpr Duration kInterval = 1s;

    /// @return how many were held back since the last that was let through, plus this one; 0: hold
    /// this one back.
    [[nodiscard]] std::uint64_t pass(Time now);

  private:
    std::uint64_t held_back_ = 0;
    Time next_ = Time::min();
};

} // namespace zcomet::program
