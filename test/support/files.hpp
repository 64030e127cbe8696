// Files of a test: a folder that is removed when the test ends.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace zcomet::test {

class TemporaryFolder {
  public:
    /// Throws std::system_error if it cannot be made.
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    /// The path of a file in it, which need not exist.
    [[nodiscard]] std::string path(const std::string& name) const;
    /// Writes a file. @return its path.
    [[nodiscard]] std::string write(const std::string& name, std::string_view content) const;

  private:
    std::filesystem::path path_;
};

/// A whole file; empty if it cannot be read.
[[nodiscard]] std::string read_file(const std::string& path);

} // namespace zcomet::test
