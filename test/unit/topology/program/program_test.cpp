// Goal: every program treats options, mistakes and logs alike.
// Method: a small program inside the test; its standard error and output go to a file.
#include "topology/program/program.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

namespace program_test {

namespace {

/// Captures the output to one of the standard descriptors from its construction to text().
class Captured {
  public:
    explicit Captured(std::FILE* stream) : stream_(stream), saved_(::dup(::fileno(stream))) {
        static_cast<void>(std::fflush(stream_));
        const zcomet::UniqueFd file(::mkstemp(path_.data()));
        REQUIRE(file.valid());
        ::dup2(file.get(), ::fileno(stream_));
    }
    ~Captured() {
        restore();
        std::filesystem::remove(path_);
    }
    Captured(const Captured&) = delete;
    Captured& operator=(const Captured&) = delete;

    [[nodiscard]] std::string text() {
        restore();
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }

  private:
    void restore() {
        static_cast<void>(std::fflush(stream_));
        ::dup2(saved_.get(), ::fileno(stream_));
    }

    std::FILE* stream_;
    zcomet::UniqueFd saved_;
    std::string path_ = std::filesystem::temp_directory_path() / "zcomet-program-XXXXXX";
};

struct Ran {
    int status = 0;
    int count = 0; ///< the value of --count when the body ran
    bool body_ran = false;
    std::string err;
};

/// Runs a program with the option --count.
Ran run(
    std::vector<std::string> arguments, const std::function<int()>& body = [] { return 0; }) {
    CLI::App app{"A program for tests", "zcomet-x"};
    Ran ran;
    app.add_option("--count", ran.count)->check(CLI::Range(0, 9));
    zcomet::program::add_common_options(app);
    arguments.insert(arguments.begin(), "/somewhere/zcomet-x");
    std::vector<char*> argv;
    argv.reserve(arguments.size());
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    Captured err(stderr);
    ran.status = zcomet::program::run_program(app, static_cast<int>(argv.size()), argv.data(), [&] {
        ran.body_ran = true;
        return body();
    });
    ran.err = err.text();
    return ran;
}

} // namespace

TEST_CASE("good options reach the body, and its result is the exit status", "[program]") {
    const Ran ran = run({"--count", "7"}, [] { return 3; });
    CHECK(ran.body_ran);
    CHECK(ran.count == 7);
    CHECK(ran.status == 3);
    CHECK(ran.err.empty());
}

TEST_CASE("bad options are one line and status 2", "[program]") {
    const auto arguments = GENERATE(values<std::vector<std::string>>({
        {"--count", "70"},
        {"--count", "x"},
        {"--count"},
        {"--bogus"},
        {"word"},
        {"--config", "/nonexistent/file"},
        {"--log-level", "loud"},
    }));
    const Ran ran = run(arguments);
    CAPTURE(ran.err);
    CHECK_FALSE(ran.body_ran);
    CHECK(ran.status == 2);
    CHECK(std::regex_match(ran.err, std::regex("zcomet-x: [^\n]+; try --help\n")));
}

TEST_CASE("an exception from the body is one line and status 1", "[program]") {
    const Ran ran = run({}, []() -> int { throw std::runtime_error("port 80\nis taken"); });
    CHECK(ran.status == 1);
    CHECK(ran.err == "zcomet-x: port 80 is taken\n");
}

TEST_CASE("a mistake in a file that options name is one line and status 2", "[program]") {
    const Ran ran = run(
        {}, []() -> int { throw zcomet::program::Misconfigured("cluster.toml:3: unknown key"); });
    CHECK(ran.status == 2);
    CHECK(ran.err == "zcomet-x: cluster.toml:3: unknown key\n");
}

TEST_CASE("--help and --version print to standard output and end well", "[program]") {
    Captured out(stdout);
    CHECK(run({"--version"}).status == 0);
    CHECK(out.text() == "zcomet-x " ZCOMET_VERSION "\n");
    Captured help(stdout);
    const Ran ran = run({"--help"});
    CHECK(ran.status == 0);
    CHECK_FALSE(ran.body_ran);
    CHECK(help.text().find("--config FILE") != std::string::npos);
}

TEST_CASE("options come from a configuration file, too", "[program]") {
    std::string path = std::filesystem::temp_directory_path() / "zcomet-config-XXXXXX";
    ::close(::mkstemp(path.data()));
    std::ofstream(path) << "count = 5\n";
    CHECK(run({"--config", path}).count == 5);
    // The command line takes precedence.
    CHECK(run({"--config", path, "--count", "6"}).count == 6);
    std::filesystem::remove(path);
}

TEST_CASE("a mistake in a configuration file is told with its line", "[program]") {
    std::string path = std::filesystem::temp_directory_path() / "zcomet-config-XXXXXX";
    ::close(::mkstemp(path.data()));
    const auto complaint = [&path](const std::string& text, std::vector<std::string> arguments) {
        std::ofstream(path) << text;
        arguments.insert(arguments.begin(), {"--config", path});
        const Ran ran = run(std::move(arguments));
        CHECK(ran.status == 2);
        return ran.err;
    };
    CHECK(complaint("# all\ncounts = 5\n", {}) ==
          "zcomet-x: " + path +
              ":2: no option is called counts; did you mean count?; try --help\n");
    CHECK(complaint("\n\n[deep]\ncount = 5\n", {})
              .starts_with("zcomet-x: " + path + ":3: no section is called deep; try"));
    CHECK(complaint("count = 70\n", {}).starts_with("zcomet-x: " + path + ":1: --count: "));
    CHECK(complaint("\n count = x\n", {}).starts_with("zcomet-x: " + path + ":2: "));
    CHECK(complaint("log-level = \"loud\"\n", {}).starts_with("zcomet-x: " + path + ":1: "));
    // The value of the command line takes precedence, so the mistake is there.
    CHECK(complaint("count = 7\n", {"--count", "70"}).starts_with("zcomet-x: --count: "));
    std::filesystem::remove(path);
}

TEST_CASE("a configuration file may begin with the mark of UTF-8", "[program]") {
    std::string path = std::filesystem::temp_directory_path() / "zcomet-config-XXXXXX";
    ::close(::mkstemp(path.data()));
    std::ofstream(path) << "\xEF\xBB\xBF"
                           "count = 5\n";
    CHECK(run({"--config", path}).count == 5);
    std::filesystem::remove(path);
}

TEST_CASE("a misspelt option is answered with a guess", "[program]") {
    CHECK(run({"--cuont=7"}).err ==
          "zcomet-x: there is no option --cuont; did you mean --count?; try --help\n");
    CHECK(run({"--bogus", "1"}).err == "zcomet-x: there is no option --bogus; try --help\n");
}

TEST_CASE("a tool whose output cannot be written has failed, and says so", "[program]") {
    const int saved = ::dup(STDOUT_FILENO);
    static_cast<void>(std::fflush(stdout));
    const zcomet::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    REQUIRE(full.valid());
    ::dup2(full.get(), STDOUT_FILENO);
    const Ran ran = run({}, [] {
        static_cast<void>(std::puts("an answer"));
        return 0;
    });
    const Ran help = run({"--help"});
    ::dup2(saved, STDOUT_FILENO);
    ::close(saved);
    std::clearerr(stdout);
    CHECK(ran.status == 1);
    CHECK(ran.err == "zcomet-x: cannot write to standard output: No space left on device\n");
    CHECK(help.status == 1);
}

TEST_CASE("what a peer said cannot command the terminal", "[program]") {
    const Ran ran = run({}, []() -> int { throw std::runtime_error("refused: \x1b[2Jhi"); });
    CHECK(ran.err == "zcomet-x: refused: \\x1b[2Jhi\n");
}

TEST_CASE("a log line has time, program, level and message", "[program]") {
    const Ran ran = run({"--log-level", "warning"}, [] {
        spdlog::info("not written");
        spdlog::warn("feed shed node=web1 messages={}", 3);
        return 0;
    });
    CAPTURE(ran.err);
    CHECK(std::regex_match(ran.err,
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z zcomet-x warning )"
                                      "feed shed node=web1 messages=3\n")));
}

TEST_CASE("the ready line is whole and written at once", "[program]") {
    Captured out(stdout);
    zcomet::program::print_ready("zcomet-x", "http=127.0.0.1:8000");
    zcomet::program::print_ready("zcomet-x", "");
    CHECK(out.text() == "zcomet-x ready http=127.0.0.1:8000\nzcomet-x ready\n");
}

TEST_CASE("the log level can be read again", "[program]") {
    const std::string path = std::filesystem::temp_directory_path() / "zcomet-program-level";
    std::ofstream(path) << "log-level = \"debug\"\nanything = 5\n";
    const std::vector<const char*> line{"program", "--config", path.c_str(), "--other=x"};
    const int argc = static_cast<int>(line.size());
    const auto level = zcomet::program::read_log_level(argc, line.data());
    REQUIRE(level.ok());
    CHECK(level.value() == "debug");
    std::ofstream(path) << "log-level = \"loud\"\n";
    const auto bad = zcomet::program::read_log_level(argc, line.data());
    REQUIRE_FALSE(bad.ok());
    CHECK(bad.error().text.find("loud") != std::string::npos);
    CHECK(zcomet::program::read_log_level(1, line.data()).value() == "info");
    std::filesystem::remove(path);
}

TEST_CASE("termination signals become readable instead of ending the process", "[program]") {
    sigset_t mask_before;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_before);
    const zcomet::UniqueFd fd = zcomet::program::catch_termination_signals();
    CHECK_FALSE(zcomet::program::take_termination_signal(fd)); // none yet, and it does not block
    for (const int number : {SIGINT, SIGTERM}) {
        ::kill(::getpid(), number);
        CHECK(zcomet::program::take_termination_signal(fd) == number);
        CHECK_FALSE(zcomet::program::take_termination_signal(fd));
    }
    ::kill(::getpid(), SIGPIPE); // ignored
    pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
}

TEST_CASE("a log limit lets the first through and counts the rest", "[program]") {
    zcomet::program::LogLimit limit;
    const zcomet::Time start{};
    CHECK(limit.pass(start) == 1);
    CHECK(limit.pass(start) == 0);
    CHECK(limit.pass(start + zcomet::program::LogLimit::kInterval / 2) == 0);
    CHECK(limit.pass(start + zcomet::program::LogLimit::kInterval) == 3);
    CHECK(limit.pass(start + zcomet::program::LogLimit::kInterval) == 0);
}

} // namespace program_test
