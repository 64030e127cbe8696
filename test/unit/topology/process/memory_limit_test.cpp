// The limits of control groups, from files as the kernel writes them.
#include "topology/process/memory_limit.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace memory_limit_test {

using namespace zcomet;
using namespace zcomet::process;

namespace {

void limit(const std::string& folder, const std::string& text) {
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/memory.max") << text << '\n';
}

} // namespace

TEST_CASE("memory limit: the lowest of a group and those around it", "[memory_limit]") {
    const std::string root = std::filesystem::temp_directory_path() /
                             ("zcomet-memory-limit-" + std::to_string(::getpid()));
    limit(root + "/a/b", "max");
    CHECK_FALSE(group_memory_max("/a/b", root));
    limit(root + "/a", "1000000");
    CHECK(group_memory_max("/a/b", root) == 1'000'000);
    limit(root + "/a/b", "2000000");
    CHECK(group_memory_max("/a/b", root) == 1'000'000);
    limit(root + "/a/b", "500000");
    CHECK(group_memory_max("/a/b", root) == 500'000);
    limit(root, "7"); // as a container sees its own group
    CHECK(group_memory_max("/", root) == 7);
    CHECK(group_memory_max("/a/b", root) == 7);
    CHECK_FALSE(group_memory_max("/nowhere", root + "/none"));
    std::filesystem::remove_all(root);
}

TEST_CASE("memory limit: the group of version 2 is found in the text", "[memory_limit]") {
    CHECK(group_in("0::/system.slice/x.service\n") == "/system.slice/x.service");
    CHECK(group_in("12:memory:/old\n0::/\n") == "/");
    CHECK(group_in("12:memory:/old\n").empty());
    CHECK(group_in("").empty());
}

TEST_CASE("memory limit: this process has one", "[memory_limit]") {
    CHECK(memory_limit() > 1U << 20U);
}

} // namespace memory_limit_test
