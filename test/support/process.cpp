#include "test/support/process.hpp"

#include "topology/loop/epoll.hpp"
#include "topology/loop/readable.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

namespace zcomet::test {
namespace {

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_errno("pipe2");
    }
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// The child's work between fork and exec: system calls only, since the parent has threads.
[[noreturn]] void become(const char* program, char* const* arguments, const ProcessOptions& options,
                         int output_fd, int log_fd) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (options.open_files_max > 0) {
        const rlimit limit{options.open_files_max, options.open_files_max};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ::dup2(output_fd, STDOUT_FILENO);
    ::dup2(log_fd, STDERR_FILENO);
    ::execvp(program, arguments);
    ::_exit(127);
}

std::size_t count_of(std::string_view text, std::string_view in) {
    std::size_t count = 0;
    for (auto at = in.find(text); at != std::string_view::npos; at = in.find(text, at + 1)) {
        ++count;
    }
    return count;
}

/// The first whole line of `text` that begins with `prefix`.
std::optional<std::string> find_line(std::string_view text, std::string_view prefix) {
    while (true) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        if (text.substr(0, end).starts_with(prefix)) {
            return std::string(text.substr(0, end));
        }
        text.remove_prefix(end + 1);
    }
}

int exit_status(const siginfo_t& ended) {
    return ended.si_code == CLD_EXITED ? ended.si_status : 128 + ended.si_status;
}

} // namespace

Process::Process(std::string program, std::vector<std::string> arguments, ProcessOptions options)
    : program_(std::move(program)) {
    std::vector<char*> argv{program_.data()};
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    Pipe output = make_pipe();
    Pipe log = make_pipe();
    pid_ = ::fork();
    if (pid_ < 0) {
        throw_errno("fork");
    }
    if (pid_ == 0) {
        become(program_.c_str(), argv.data(), options, output.write_end.get(), log.write_end.get());
    }
    // Also here, since the child may not have done it yet when the destructor kills the group.
    ::setpgid(pid_, pid_);
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    output_pipe_ = std::move(output.read_end);
    log_pipe_ = std::move(log.read_end);
    reader_ = std::thread([this] { read_output(); });
}

Process::~Process() {
    kill_all(); // even if the child has ended: its own children may still run
    ::waitpid(pid_, nullptr, 0);
    reader_.join();
}

void Process::read_output() {
    while (output_pipe_.valid() || log_pipe_.valid()) {
        std::array<pollfd, 2> waiting{pollfd{output_pipe_.get(), POLLIN, 0},
                                      pollfd{log_pipe_.get(), POLLIN, 0}};
        ::poll(waiting.data(), waiting.size(), -1);
        for (auto [pipe, into, ready] : {std::tuple{&output_pipe_, &output_, waiting[0].revents},
                                         std::tuple{&log_pipe_, &log_, waiting[1].revents}}) {
            if (ready != 0 && !read_some(*pipe, *into)) {
                pipe->reset();
                const std::lock_guard lock(mutex_);
                --open_pipes_;
            }
        }
        grown_.notify_all();
    }
}

bool Process::read_some(UniqueFd& pipe, std::string& into) {
    std::array<char, 65536> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init)
    const auto size = ::read(pipe.get(), buffer.data(), buffer.size());
    if (size <= 0) {
        return size < 0 && errno == EINTR;
    }
    const std::lock_guard lock(mutex_);
    into.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
}

std::optional<std::string> Process::await_line(std::string_view prefix, Duration timeout) {
    std::optional<std::string> line;
    std::unique_lock lock(mutex_);
    grown_.wait_for(lock, timeout, [&] {
        line = find_line(output_, prefix);
        return line || open_pipes_ == 0;
    });
    return line;
}

bool Process::await_log(std::string_view text, std::size_t count, Duration timeout) {
    std::unique_lock lock(mutex_);
    const auto found = [&] { return count_of(text, log_) >= count; };
    grown_.wait_for(lock, timeout, [&] { return found() || open_pipes_ == 0; });
    return found();
}

std::string Process::output() const {
    const std::lock_guard lock(mutex_);
    return output_;
}

std::string Process::log() const {
    const std::lock_guard lock(mutex_);
    return log_;
}

void Process::signal(int number) const {
    if (!status_) {
        ::kill(pid_, number);
    }
}

void Process::kill_all() const {
    ::kill(-pid_, SIGKILL);
}

std::optional<int> Process::wait(Duration timeout) {
    if (status_) {
        return status_;
    }
    // WNOWAIT leaves the zombie to the destructor: until then no other process can get the pid,
    // which is also the name of the group.
    siginfo_t info{};
    if (loop::await_readable(pidfd_.get(), loop::time_after(Clock::now(), timeout)) &&
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) == 0) {
        status_ = exit_status(info);
    }
    return status_;
}

void Process::await_end_of_output(Duration timeout) {
    std::unique_lock lock(mutex_);
    grown_.wait_for(lock, timeout, [this] { return open_pipes_ == 0; });
}

Finished run(std::string program, std::vector<std::string> arguments, Duration timeout) {
    Process process(std::move(program), std::move(arguments));
    const auto status = process.wait(timeout);
    if (status) {
        process.await_end_of_output(kSoon);
    }
    return {status.value_or(-1), process.output(), process.log()};
}

} // namespace zcomet::test
