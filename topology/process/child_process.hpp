// A child process that ends when its parent does.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace zcomet::process {

/// How a process ended.
struct ProcessEnd {
    bool signalled = false;
    int code = 0; ///< exit status, or the signal's number

    /// "exit status 1" or "signal 9 (Killed)".
    [[nodiscard]] std::string text() const;
};

/// One child. It gets SIGTERM when the process that started it has ended, in whatever way.
/// Thread: start() only from the main thread, since the kernel sends that signal when the *thread*
/// that forked ends; the rest from one thread.
class ChildProcess {
  public:
    struct Spec {
        std::string program;                ///< path of the executable
        std::vector<std::string> arguments; ///< the first is the name that ps(1) shows
        /// Descriptors to inherit: the first becomes 3 in the child, and so on. All others beyond
        /// standard error are closed.
        std::vector<int> descriptors;
        /// Where the child's standard output goes; -1: where ours goes.
        int standard_output = -1;
        /// In a process group of its own, Ctrl-C on the terminal does not reach it; its parent ends
        /// it at the right moment instead.
        bool own_group = false;
    };

    /// Errors: no more processes or descriptors. A program that cannot be executed shows as an exit
    /// with status 127.
    [[nodiscard]] static Result<ChildProcess> start(const Spec& spec);

    ChildProcess() = default;
    ChildProcess(ChildProcess&&) = default;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    /// Kills and reaps a child that still runs.
    ~ChildProcess();

    [[nodiscard]] bool running() const { return pid_fd_.valid(); }
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Readable once the child has ended.
    [[nodiscard]] int fd() const { return pid_fd_.get(); }
    /// Does nothing if the child was reaped.
    void signal(int number) const;
    /// How the child ended, or nothing while it runs. Does not block. Call it while running().
    [[nodiscard]] std::optional<ProcessEnd> reap();
    /// Waits until the child has ended, for at most `patience`, then kills it; reaps it.
    /// @return how it ended; exit status 0 if there was none.
    ProcessEnd end(Duration patience);

  private:
    ChildProcess(pid_t pid, UniqueFd pid_fd);

    pid_t pid_ = 0;
    UniqueFd pid_fd_;
};

} // namespace zcomet::process
