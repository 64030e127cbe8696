// A log that no program waits for: lines go into a bounded queue, and a thread of its own writes
// them. When the reader of standard error stops reading (a journal that hangs, a full disk, a
// terminal that was stopped), a loop that logs goes on. The oldest lines are dropped and counted,
// and a line says how many there were as soon as the reader reads again.
//
// spdlog's own asynchronous logger does not fit. Its queue takes 400 bytes a line from the start
// (half a megabyte for each idle worker). It does not say where lines are missing. And a program
// that ends waits for it, however long the reader takes.
#pragma once

#include "topology/base/time.hpp"

#include <spdlog/sinks/base_sink.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace zcomet::program {

/// The queue and its thread.
/// Thread: any, also several at once.
class LogQueue {
  public:
    /// The most lines that may wait.
    /// @limit lines of a log that wait to be written
    static constexpr std::size_t kLinesMax = 1024;

    /// @param fd         where lines go; borrowed, and used for as long as the process lives if its
    ///                   reader hangs.
    /// @param lost_line  makes the line, with its end, that says how many were dropped. Called on
    ///                   the queue's thread.
    LogQueue(int fd, std::function<std::string(std::size_t lost)> lost_line);
    /// Gives the lines that wait a moment to be written. If the reader hangs, they are lost, and
    /// the thread is left behind.
    ~LogQueue();
    LogQueue(const LogQueue&) = delete;
    LogQueue& operator=(const LogQueue&) = delete;

    /// Never waits for the reader. The first line starts the thread. If the system has none to give
    /// (std::system_error), the line waits, and the next one tries again.
    /// @param line  with its end.
    void push(std::string line);
    /// Waits until all lines are written, for at most `patience`. @return whether they are.
    bool flush(Duration patience);

  private:
    struct State;

    std::shared_ptr<State> state_; // shared with the thread, which may outlive this
};

/// How a line of the log is written: time, program, level, message.
[[nodiscard]] std::unique_ptr<spdlog::formatter> log_formatter();

/// spdlog's end of a LogQueue.
class LogQueueSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    /// @param fd       as LogQueue's.
    /// @param program  its name is in the line about lost lines.
    LogQueueSink(int fd, std::string program);

    /// As LogQueue::flush().
    bool wait(Duration patience) { return queue_.flush(patience); }

  private:
    void sink_it_(const spdlog::details::log_msg& message) override;
    /// Nothing: spdlog flushes from within a call that logs, and that must not wait.
    void flush_() override {}

    LogQueue queue_;
};

} // namespace zcomet::program
