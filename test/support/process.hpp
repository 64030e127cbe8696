// A child process of a test: started with arguments, read line by line, signalled, awaited, and
// certainly gone when the test ends.
#pragma once

#include "test/support/eventually.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace zcomet::test {

struct ProcessOptions {
    /// The child's limit of open files; 0: as ours.
    unsigned open_files_max = 0;
};

/// Thread: one, for its whole life (the child dies with the thread that started it). A reader
/// thread of its own drains the child's output, so that the child never waits for us.
class Process {
  public:
    /// Starts `program` (a path, or a name to be found in PATH). Throws std::system_error if that
    /// fails; a program that does not exist ends with exit status 127.
    Process(std::string program, std::vector<std::string> arguments, ProcessOptions options = {});
    /// Kills the child and everything it started, then waits for it.
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Waits for a line of standard output that begins with `prefix`, among all since the start.
    /// @return the line, or nothing if the output ends or the time is over first.
    [[nodiscard]] std::optional<std::string> await_line(std::string_view prefix,
                                                        Duration timeout = kSoon);
    /// Waits until standard error contains `text` `count` times.
    [[nodiscard]] bool await_log(std::string_view text, std::size_t count = 1,
                                 Duration timeout = kSoon);
    /// Waits until the child, and all that inherited its output, have closed it: then it is
    /// complete.
    void await_end_of_output(Duration timeout = kSoon);

    /// All of standard output, or error, so far.
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string log() const;

    /// Sends a signal to the child, not to its own children.
    void signal(int number) const;
    /// Kills the child and everything it started at once, as if its host had lost power.
    void kill_all() const;
    /// Waits until the child has ended. @return its exit status, 128 + N if signal N ended it, or
    /// nothing if it is still running when the time is over.
    [[nodiscard]] std::optional<int> wait(Duration timeout = kSoon);

  private:
    void read_output();
    [[nodiscard]] bool read_some(UniqueFd& pipe, std::string& into);

    std::string program_;
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    std::optional<int> status_;
    UniqueFd output_pipe_;
    UniqueFd log_pipe_;
    mutable std::mutex mutex_; // guards output_, log_ and open_pipes_
    std::condition_variable grown_;
    std::string output_;
    std::string log_;
    int open_pipes_ = 2;
    std::thread reader_;
};

/// The result of a program that has ended.
struct Finished {
    int status = -1;
    std::string output;
    std::string log;
};

/// Runs a program to its end. A program that does not end in time is killed, and has status -1.
[[nodiscard]] Finished run(std::string program, std::vector<std::string> arguments,
                           Duration timeout = kSoon);

} // namespace zcomet::test
