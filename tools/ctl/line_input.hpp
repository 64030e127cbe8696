// Lines from a descriptor that may be slow, such as a pipe into which somebody types.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace zcomet::tools::ctl {

/// Thread: one.
class LineInput {
  public:
    /// @param fd              borrowed.
    /// @param line_bytes_max  a longer line is an error, so that memory is bounded.
    LineInput(int fd, std::size_t line_bytes_max) : fd_(fd), line_bytes_max_(line_bytes_max) {}

    /// The next line without its end, or nothing after the last one. Waits for it.
    /// @param idle  called twice a second while it waits.
    /// Errors: throws std::runtime_error with one sentence if a line is too long or cannot be read.
    [[nodiscard]] std::optional<std::string> next(const std::function<void()>& idle);

    /// The number of the line that next() returned last, from 1.
    [[nodiscard]] std::size_t line_number() const { return line_number_; }

  private:
    void wait(const std::function<void()>& idle) const;
    void read_more();

    int fd_;
    std::size_t line_bytes_max_;
    std::string buffer_;
    std::size_t begin_ = 0; // of what is not returned yet
    std::size_t line_number_ = 0;
    bool ended_ = false;
};

} // namespace zcomet::tools::ctl
