// A log that a load tool writes in addition to its real work: lines are gathered and written in
// large pieces, and a full disk ends the log, never the work.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace zcomet::tools::logs {

/// Thread: one for each of these. Several may append to one file, in several processes: each piece
/// is whole lines, and goes to the end of the file in one write(2).
class LogFile {
  public:
    /// Empties the file, or makes it. Errors: a sentence that names it.
    [[nodiscard]] static Status make(const std::string& path);
    /// Opens a file that exists, to append to it.
    [[nodiscard]] static Result<LogFile> append_to(const std::string& path);

    LogFile(LogFile&&) = default;
    LogFile& operator=(LogFile&&) = delete;
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;
    ~LogFile() = default; ///< call flush() before: an error here would go unnoticed

    /// Where the next line goes; end_line() follows once it is there, with its newline.
    [[nodiscard]] std::string& line() { return buffer_; }
    void end_line();
    /// Writes the lines that were gathered.
    void flush();

    /// Lines that could not be written. After the first, no further line is written: a log that
    /// ends is better than one with a hole.
    [[nodiscard]] std::uint64_t lines_lost() const { return lines_lost_; }
    /// Why (errno); 0 if none was lost.
    [[nodiscard]] int error() const { return error_; }

  private:
    explicit LogFile(UniqueFd fd) : fd_(std::move(fd)) {}

    UniqueFd fd_;
    std::string buffer_;
    std::uint64_t lines_lost_ = 0;
    int error_ = 0;
};

} // namespace zcomet::tools::logs
