#include "topology/program/log_queue.hpp"

#include "topology/base/signals_held.hpp"

#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace zcomet::program {

namespace {

/// How long a program that ends waits for a slow reader: far less than a service manager waits for
/// the program.
/// @limit time for waiting log lines at the end of a program
constexpr Duration kEndPatience = 500ms;

/// Blocks until all is written, or cannot be.
void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) { // someone made the descriptor non-blocking
            pollfd writable{fd, POLLOUT, 0};
            ::poll(&writable, 1, -1);
        } else if (errno != EINTR) { // the reader is gone, or the disk is full
            return;
        }
    }
}

} // namespace

struct LogQueue::State {
    State(int where, std::function<std::string(std::size_t)> say_lost)
        : fd(where), lost_line(std::move(say_lost)) {}

    /// What the thread does.
    void run() {
        std::unique_lock lock(mutex);
        while (true) {
            changed.wait(lock, [this] { return !lines.empty() || ending; });
            if (lines.empty()) {
                return;
            }
            const std::size_t lost = std::exchange(dropped, 0);
            const std::deque<std::string> batch = std::exchange(lines, {});
            writing = true;
            lock.unlock();
            if (lost > 0) { // they were older than these
                write_all(fd, lost_line(lost));
            }
            for (const std::string& line : batch) {
                write_all(fd, line);
            }
            lock.lock();
            writing = false;
            written.notify_all();
        }
    }

    const int fd;
    const std::function<std::string(std::size_t)> lost_line;
    std::mutex mutex; // guards what follows
    std::condition_variable changed;
    std::condition_variable written;
    std::deque<std::string> lines;
    std::size_t dropped = 0; // since the thread last took lines
    bool writing = false;    // the thread has taken lines
    bool ending = false;
    std::thread thread;
};

LogQueue::LogQueue(int fd, std::function<std::string(std::size_t)> lost_line)
    : state_(std::make_shared<State>(fd, std::move(lost_line))) {}

LogQueue::~LogQueue() {
    const bool all_written = flush(kEndPatience);
    std::thread thread;
    {
        const std::lock_guard lock(state_->mutex);
        state_->ending = true;
        thread = std::move(state_->thread);
    }
    state_->changed.notify_all();
    if (!thread.joinable()) {
        return;
    }
    if (all_written) {
        thread.join();
    } else {
        thread.detach(); // it hangs in write(2), and ends with the process
    }
}

void LogQueue::push(std::string line) {
    const std::lock_guard lock(state_->mutex);
    if (state_->lines.size() == kLinesMax) {
        state_->lines.pop_front();
        ++state_->dropped;
    }
    state_->lines.push_back(std::move(line));
    if (!state_->thread.joinable()) {
        const SignalsHeld held; // the new thread takes none: they are for the program's loop
        state_->thread = std::thread([state = state_] { state->run(); });
    }
    state_->changed.notify_one();
}

bool LogQueue::flush(Duration patience) {
    std::unique_lock lock(state_->mutex);
    return state_->written.wait_for(lock, patience,
                                    [this] { return state_->lines.empty() && !state_->writing; });
}

std::unique_ptr<spdlog::formatter> log_formatter() {
    return std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %n %l %v",
                                                       spdlog::pattern_time_type::utc);
}

LogQueueSink::LogQueueSink(int fd, std::string program)
    : queue_(fd, [program = std::move(program),
                  formatter = std::shared_ptr(log_formatter())](std::size_t lost) {
          spdlog::memory_buf_t line;
          formatter->format(
              {program, spdlog::level::warn, "event=log-lost lines=" + std::to_string(lost)}, line);
          return std::string(line.data(), line.size());
      }) {}

void LogQueueSink::sink_it_(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    queue_.push(std::string(line.data(), line.size()));
}

} // namespace zcomet::program
