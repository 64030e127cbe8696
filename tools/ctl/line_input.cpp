#include "tools/ctl/line_input.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace zcomet::tools::ctl {

namespace {

constexpr int kIdleMs = 500;
constexpr std::size_t kReadBytes = 16'384;

} // namespace

std::optional<std::string> LineInput::next(const std::function<void()>& idle) {
    for (;;) {
        const std::size_t end = buffer_.find('\n', begin_);
        const std::size_t size = (end == std::string::npos ? buffer_.size() : end) - begin_;
        if (size > line_bytes_max_) {
            throw std::runtime_error(
                fmt::format("line {} has more than {} bytes", line_number_ + 1, line_bytes_max_));
        }
        if (end != std::string::npos || (ended_ && size > 0)) {
            std::string line = buffer_.substr(begin_, size);
            begin_ += size + (end == std::string::npos ? 0U : 1U);
            ++line_number_;
            return line;
        }
        if (ended_) {
            return std::nullopt;
        }
        wait(idle);
        read_more();
    }
}

void LineInput::wait(const std::function<void()>& idle) const {
    pollfd waiting{fd_, POLLIN, 0};
    // What cannot be polled is told by read().
    while (::poll(&waiting, 1, kIdleMs) == 0) {
        idle();
    }
}

void LineInput::read_more() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    std::array<char, kReadBytes> bytes{};
    const ssize_t got = ::read(fd_, bytes.data(), bytes.size());
    if (got < 0 && errno != EINTR && errno != EAGAIN) {
        throw std::runtime_error(
            fmt::format("standard input cannot be read: {}", std::strerror(errno)));
    }
    ended_ = got == 0;
    buffer_.append(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0U);
}

} // namespace zcomet::tools::ctl
