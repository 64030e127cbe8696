#include "tools/logs/log_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace zcomet::tools::logs {

namespace {

/// A thousand lines or so: the system call is then a small part of the cost of a line.
constexpr std::size_t kPieceBytes = 65'536;
constexpr mode_t kMode = 0666; // less what umask(2) takes away

Error cannot_write(const std::string& path) {
    return Error{path + " cannot be written: " + std::strerror(errno)};
}

} // namespace

Status LogFile::make(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
    if (!fd.valid()) {
        return cannot_write(path);
    }
    return Done{};
}

Result<LogFile> LogFile::append_to(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!fd.valid()) {
        return cannot_write(path);
    }
    return LogFile(std::move(fd));
}

void LogFile::end_line() {
    if (buffer_.size() >= kPieceBytes) {
        flush();
    }
}

void LogFile::flush() {
    std::string_view rest = buffer_;
    while (!rest.empty() && error_ == 0) {
        const ssize_t written = ::write(fd_.get(), rest.data(), rest.size());
        if (written >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            error_ = errno;
        }
    }
    for (const char byte : rest) {
        lines_lost_ += byte == '\n' ? 1 : 0;
    }
    buffer_.clear();
}

} // namespace zcomet::tools::logs
