// Goal: a log has every line once and complete; a full disk ends it without harm.
#include "tools/logs/log_file.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>

namespace log_file_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::logs;

namespace {

/// A file that is removed when the test ends.
class TemporaryFile {
  public:
    TemporaryFile() {
        const int fd = ::mkstemp(path_.data());
        REQUIRE(fd >= 0);
        ::close(fd);
    }
    ~TemporaryFile() { ::unlink(path_.data()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] std::string path() const { return path_.data(); }
    [[nodiscard]] std::string content() const {
        std::ostringstream all;
        all << std::ifstream(path()).rdbuf();
        return all.str();
    }

  private:
    std::array<char, 32> path_{"/tmp/zcomet-log-XXXXXX"};
};

void add(LogFile& log, const std::string& text) {
    log.line().append(text).append("\n");
    log.end_line();
}

} // namespace

TEST_CASE("lines come in order, also when two programs append to one file", "[log_file]") {
    const TemporaryFile file;
    std::ofstream(file.path()) << "from before\n";
    REQUIRE(LogFile::make(file.path()).ok());
    LogFile one = LogFile::append_to(file.path()).value();
    LogFile other = LogFile::append_to(file.path()).value();
    const std::string long_line(5000, 'x');
    std::array<int, 2> next{};
    for (int i = 0; i < 100; ++i) {
        add(i % 3 == 0 ? one : other,
            (i % 3 == 0 ? "0 " : "1 ") + std::to_string(next[i % 3 == 0 ? 0 : 1]++) + long_line);
    }
    one.flush();
    other.flush();
    std::istringstream lines(file.content());
    std::array<int, 2> seen{};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::size_t who = 2;
        int number = -1;
        fields >> who >> number;
        REQUIRE(who < 2);
        CHECK(number == seen[who]++);
        CHECK(line.ends_with(long_line));
    }
    CHECK(seen == next);
    CHECK(one.lines_lost() == 0);
    CHECK(one.error() == 0);
}

TEST_CASE("lines are written in pieces", "[log_file]") {
    const TemporaryFile file;
    LogFile log = LogFile::append_to(file.path()).value();
    add(log, "one");
    CHECK(file.content().empty());
    log.flush();
    CHECK(file.content() == "one\n");
    log.flush();
    CHECK(file.content() == "one\n");
}

TEST_CASE("a full disk costs only the lines, which are counted", "[log_file]") {
    LogFile log = LogFile::append_to("/dev/full").value();
    for (int i = 0; i < 10'000; ++i) {
        add(log, "a line");
    }
    CHECK(log.error() == ENOSPC);
    log.flush();
    CHECK(log.lines_lost() == 10'000);
    log.flush();
    CHECK(log.lines_lost() == 10'000);
}

TEST_CASE("a file that cannot be created is named", "[log_file]") {
    const Status made = LogFile::make("/nonexistent/log");
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().text.find("/nonexistent/log") != std::string::npos);
    CHECK_FALSE(LogFile::append_to("/nonexistent/log").ok());
}

} // namespace log_file_test
