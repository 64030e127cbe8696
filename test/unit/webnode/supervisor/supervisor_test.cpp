// What a supervisor does with workers that die, hang, refuse to start and end. fake_worker.cpp
// plays them, and tells of it through a named pipe: the tests wait for what it tells.
#include "test/support/captured_log.hpp"
#include "test/support/files.hpp"
#include "topology/loop/readable.hpp"
#include "topology/program/program.hpp"
#include "webnode/supervisor/supervisor.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace supervisor_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::supervisor;
using Catch::Matchers::Contains;

namespace {

constexpr Duration kSoon = 30s;

/// As from signalfd(2).
void send_signal(const UniqueFd& to, int number) {
    signalfd_siginfo signal{};
    signal.ssi_signo = static_cast<std::uint32_t>(number);
    REQUIRE(::write(to.get(), &signal, sizeof signal) == sizeof signal);
}

/// The program that plays a worker.
std::string fake_worker() {
    const char* const path = std::getenv("ZCOMET_FAKE_WORKER");
    REQUIRE(path != nullptr);
    return path;
}

/// A supervisor whose workers are played.
class Play {
  public:
    Play(const char* part, unsigned workers) {
        const std::string pipe = folder_.path("told");
        REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
        // For writing as well: it does not end while no worker has it open.
        told_.reset(::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        REQUIRE(told_.valid());
        ::setenv("ZCOMET_FAKE_WORKER_PLAYS", part, 1);
        ::setenv("ZCOMET_FAKE_WORKER_TELLS", pipe.c_str(), 1);
        std::vector<std::string> arguments{"--workers=" + std::to_string(workers), "--name=w",
                                           "--http=127.0.0.1:0", "--broker=tcp://127.0.0.1:9"};
        program::add_common_options(app_);
        app_.parse(arguments);
        line_.settle();
    }

    [[nodiscard]] WebNodeOptions& options() { return line_.options(); }

    /// Runs the supervisor until `script`, in a thread of its own, has ended, and SIGTERM comes;
    /// without a script, until it ends by itself.
    void run(const std::function<void()>& script = {}) {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
        signals_.reset(ends[1]);
        Supervisor supervisor(
            line_, UniqueFd(ends[0]), [] { return 0; }, fake_worker());
        if (!script) {
            supervisor.run();
            return;
        }
        std::thread thread([&] {
            script();
            if (!has_signalled_) {
                signal(SIGTERM);
            }
        });
        try {
            supervisor.run();
        } catch (...) {
            thread.join();
            throw;
        }
        thread.join();
    }

    /// A signal comes. The script sends the first and later ones, or none.
    void signal(int number) {
        has_signalled_ = true;
        send_signal(signals_, number);
    }

    /// Waits until the workers have told `line` that often.
    bool await(std::string_view line, std::ptrdiff_t times, Duration patience = kSoon) {
        const Time deadline = Clock::now() + patience;
        while (std::count(lines_.begin(), lines_.end(), line) < times) {
            if (!loop::await_readable(told_.get(), deadline)) {
                return false;
            }
            read_lines();
        }
        return true;
    }
    /// Whether they have told it by now.
    bool has(std::string_view line) { return await(line, 1, Duration::zero()); }

    [[nodiscard]] std::string log() const { return log_.text(); }

  private:
    void read_lines() {
        std::array<char, 1024> bytes{};
        const ssize_t got = ::read(told_.get(), bytes.data(), bytes.size());
        unread_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        for (std::size_t end = 0; (end = unread_.find('\n')) != std::string::npos;) {
            lines_.push_back(unread_.substr(0, end));
            unread_.erase(0, end + 1);
        }
    }

    test::TemporaryFolder folder_;
    test::CapturedLog log_;
    UniqueFd signals_;
    bool has_signalled_ = false;
    UniqueFd told_;
    std::string unread_;
    std::vector<std::string> lines_;
    CLI::App app_{"test", "zcomet-webnode"};
    CommandLine line_{app_};
};

} // namespace

TEST_CASE("a worker that dies is started again, at once and then after pauses", "[supervisor]") {
    Play play("dies", 1);
    bool lived_thrice = false;
    Time begin;
    Time end;
    play.run([&] {
        static_cast<void>(play.await("live 1", 1));
        begin = Clock::now();
        lived_thrice = play.await("live 1", 3);
        end = Clock::now();
    });
    CHECK(lived_thrice);
    CHECK(end - begin >= process::RestartDelay::kFirstPause);
    CHECK_THAT(
        play.log(),
        Contains("event=worker-died worker=1 how=\"signal 9 (Killed)\" restart_ms=0 node=w/1\n") &&
            Contains(
                "event=worker-died worker=1 how=\"signal 9 (Killed)\" restart_ms=100 node=w/1\n"));
}

TEST_CASE("a worker that hangs is killed and started again", "[supervisor]") {
    Play play("hangs", 1);
    play.options().hang_after = 1s;
    bool lived_again = false;
    play.run([&] { lived_again = play.await("live 1", 2); });
    CHECK(lived_again);
    CHECK_THAT(play.log(), Contains("event=hung worker=1") &&
                               Contains("event=worker-died worker=1 how=\"signal 9 (Killed)\""));
}

TEST_CASE("when a supervisor is told to end, its workers end in order before it", "[supervisor]") {
    Play play("serves", 2);
    bool all_live = false;
    play.run([&] { all_live = play.await("live 1", 1) && play.await("live 2", 1); });
    CHECK(all_live);
    CHECK(play.has("draining 1"));
    CHECK(play.has("draining 2"));
    CHECK_THAT(play.log(), !Contains("worker-died"));
    CHECK_THAT(play.log(), Contains("event=drained streams=6 told=4 left=2 cut=0 seconds=0."));
}

TEST_CASE("a second signal ends workers that drain", "[supervisor]") {
    const int second = GENERATE(SIGTERM, SIGINT);
    Play play("drains", 2);
    play.run([&] {
        static_cast<void>(play.await("live 1", 1) && play.await("live 2", 1));
        play.signal(SIGTERM);
        static_cast<void>(play.await("draining 1", 1) && play.await("draining 2", 1));
        play.signal(second);
    });
    CHECK_THAT(play.log(), !Contains("worker-died") && !Contains("worker-cut"));
    CHECK_THAT(play.log(), Contains("event=drained streams=6 told=4 left=2 cut=0 seconds="));
}

TEST_CASE("a worker that does not end in time is killed, and its streams are cut", "[supervisor]") {
    Play play("stays", 1);
    Duration took{};
    play.run([&] {
        static_cast<void>(play.await("live 1", 1));
        play.signal(SIGINT);
        const Time begun = Clock::now();
        static_cast<void>(play.await("staying 1", 1));
        play.signal(SIGINT);
        took = Clock::now() - begun;
    });
    CHECK(took < Ending::kEndPatience);
    CHECK_THAT(play.log(), Contains("event=worker-cut worker=1 how=\"signal 9 (Killed)\" streams=3 "
                                    "node=w/1") &&
                               Contains("event=drained streams=3 told=0 left=0 cut=3 seconds="));
}

TEST_CASE("a worker that dies while it drains is not started again", "[supervisor]") {
    Play play("crashes", 1);
    play.run([&] { static_cast<void>(play.await("live 1", 1)); });
    CHECK_FALSE(play.await("live 1", 2, Duration::zero()));
    CHECK_THAT(play.log(),
               Contains("event=worker-cut worker=1 how=\"signal 9 (Killed)\" streams=3") &&
                   Contains("event=drained streams=3 told=0 left=0 cut=3 seconds="));
}

TEST_CASE("a worker that cannot start ends the supervisor, which says so", "[supervisor]") {
    Play play("refuses", 1);
    CHECK_THROWS_WITH(play.run(), "worker 1 cannot start: exit status 3");
}

} // namespace supervisor_test
