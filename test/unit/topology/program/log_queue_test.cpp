// Goal: logging never waits for the reader. Nothing is lost while it reads; lines lost while it
// does not are counted at the place where they are missing.
// Method: a pipe in place of standard error; the test is its reader.
#include "topology/base/unique_fd.hpp"
#include "topology/loop/readable.hpp"
#include "topology/program/log_queue.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <regex>
#include <string>

namespace log_queue_test {

using namespace zcomet;
using namespace zcomet::program;

namespace {

constexpr Duration kPatience = 30s;

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }

    /// Reads until `end` has come. @return all that was read.
    std::string read_until(const std::string& end) const {
        std::string text;
        std::array<char, 65'536> bytes{};
        while (text.find(end) == std::string::npos) {
            REQUIRE(loop::await_readable(reader.get(), Clock::now() + kPatience));
            const ssize_t got = ::read(reader.get(), bytes.data(), bytes.size());
            REQUIRE(got > 0);
            text.append(bytes.data(), static_cast<std::size_t>(got));
        }
        return text;
    }

    UniqueFd reader;
    UniqueFd writer;
};

std::string lost_line(std::size_t lost) {
    return "lost " + std::to_string(lost) + "\n";
}

/// More than a pipe holds, so that the queue's thread hangs in the write.
std::string longer_than_the_pipe() {
    return std::string(1U << 20U, 'x') + "\n";
}

} // namespace

TEST_CASE("lines come in order, and whole", "[log_queue]") {
    const Pipe pipe;
    LogQueue queue(pipe.writer.get(), lost_line);
    std::string expected;
    for (int i = 0; i < 500; ++i) {
        const std::string line = "line " + std::to_string(i) + "\n";
        queue.push(line);
        expected += line;
    }
    REQUIRE(queue.flush(kPatience));
    CHECK(pipe.read_until("line 499\n") == expected);
}

TEST_CASE("a queue that was never used has nothing to wait for", "[log_queue]") {
    const Pipe pipe;
    LogQueue queue(pipe.writer.get(), lost_line);
    CHECK(queue.flush(kPatience));
}

TEST_CASE("without a reader the oldest lines go, and are counted", "[log_queue]") {
    const Pipe pipe;
    LogQueue queue(pipe.writer.get(), lost_line);
    queue.push(longer_than_the_pipe());
    // Once the first bytes are there the thread has taken the line, and hangs in the rest.
    REQUIRE(loop::await_readable(pipe.reader.get(), Clock::now() + kPatience));
    constexpr std::size_t kTooMany = 7;
    for (std::size_t i = 0; i < LogQueue::kLinesMax + kTooMany; ++i) {
        queue.push("line " + std::to_string(i) + "\n");
    }
    CHECK_FALSE(queue.flush(0s));
    const std::string last = "line " + std::to_string(LogQueue::kLinesMax + kTooMany - 1) + "\n";
    const std::string text = pipe.read_until(last);
    // The count stands where the lines are missing.
    CHECK(text.find("x\nlost 7\nline 7\nline 8\n") != std::string::npos);
    CHECK(text.find("lost") == text.rfind("lost"));
    REQUIRE(queue.flush(kPatience));
}

TEST_CASE("a queue whose reader hangs can be destroyed", "[log_queue]") {
    Pipe pipe;
    {
        LogQueue queue(pipe.writer.get(), lost_line);
        queue.push(longer_than_the_pipe());
        queue.push("left behind\n");
    } // comes back, though nobody reads
    // The thread ends by itself when the reader goes on.
    CHECK(pipe.read_until("left behind\n").size() > (1U << 20U));
}

TEST_CASE("the reader is gone", "[log_queue]") {
    std::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    LogQueue queue(pipe.writer.get(), lost_line);
    pipe.reader.reset();
    queue.push("line\n");
    CHECK(queue.flush(kPatience));
}

TEST_CASE("the queue's thread leaves signals to the program", "[log_queue]") {
    sigset_t one;
    sigset_t before;
    ::sigemptyset(&one);
    ::sigaddset(&one, SIGTERM);
    const Pipe pipe;
    LogQueue queue(pipe.writer.get(), lost_line);
    queue.push("line\n"); // starts the thread, with the mask that this thread has
    REQUIRE(queue.flush(kPatience));
    ::pthread_sigmask(SIG_BLOCK, &one, &before);
    ::kill(::getpid(), SIGTERM); // would end the process if the other thread took it
    const timespec at_once{};
    CHECK(::sigtimedwait(&one, nullptr, &at_once) == SIGTERM);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("spdlog's lines look the same through a queue", "[log_queue]") {
    const Pipe pipe;
    const auto sink = std::make_shared<LogQueueSink>(pipe.writer.get(), "zcomet-x");
    spdlog::logger logger("zcomet-x", sink);
    logger.set_formatter(log_formatter());
    logger.warn("event=test n={}", 1);
    REQUIRE(sink->wait(kPatience));
    const std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )";
    CHECK(std::regex_match(pipe.read_until("\n"),
                           std::regex(time + "zcomet-x warning event=test n=1\n")));
    logger.warn("{}", longer_than_the_pipe());
    REQUIRE(loop::await_readable(pipe.reader.get(), Clock::now() + kPatience));
    for (std::size_t i = 0; i <= LogQueue::kLinesMax; ++i) {
        logger.info("event=many");
    }
    const std::string text = pipe.read_until("event=log-lost lines=1\n");
    CHECK(std::regex_search(text, std::regex(time + "zcomet-x warning event=log-lost lines=1\n")));
}

} // namespace log_queue_test
