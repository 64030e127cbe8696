// Takes the descriptors from a process, for tests of what it does without them, or with few.
#pragma once

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/types.h>

#include <filesystem>
#include <string>

namespace zcomet::test {

/// While it exists, a process may have only so many more descriptors. Those that it has stay: with
/// a limit of 0 even poll(2) would fail.
class DescriptorLimit {
  public:
    /// @param pid  0: this process.
    explicit DescriptorLimit(rlim_t more, pid_t pid = 0) : pid_(pid) {
        REQUIRE(::prlimit(pid_, RLIMIT_NOFILE, nullptr, &before_) == 0);
        rlimit limit = before_;
        limit.rlim_cur = lowest_free(pid_) + more;
        REQUIRE(::prlimit(pid_, RLIMIT_NOFILE, &limit, nullptr) == 0);
    }
    ~DescriptorLimit() { ::prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;

  private:
    /// The lowest number that the process has no descriptor for.
    static rlim_t lowest_free(pid_t pid) {
        const std::filesystem::path open =
            "/proc/" + (pid == 0 ? "self" : std::to_string(pid)) + "/fd";
        rlim_t number = 0;
        while (std::filesystem::is_symlink(open / std::to_string(number))) {
            ++number;
        }
        return number;
    }

    pid_t pid_;
    rlimit before_{};
};

} // namespace zcomet::test
