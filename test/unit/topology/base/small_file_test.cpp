#include "test/support/files.hpp"
#include "topology/base/small_file.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace small_file_test {

using namespace zcomet;

namespace {

class Folder : public test::TemporaryFolder {
  public:
    [[nodiscard]] std::string file(const std::string& text, mode_t mode) const {
        const std::string name = write("file", text);
        REQUIRE(::chmod(name.c_str(), mode) == 0);
        return name;
    }
};

std::string complaint(const std::string& path, std::size_t bytes_max) {
    const auto file = read_small_file(path, bytes_max);
    return file.ok() ? "" : file.error().text;
}

} // namespace

TEST_CASE("a small file is read whole", "[small_file]") {
    const Folder folder;
    const std::string text("a\0b\n", 4);
    const std::string name = folder.file(text, 0600);
    const auto file = read_small_file(name, 4);
    REQUIRE(file.ok());
    CHECK(file.value().text == text);
    CHECK(complaint(name, 3).find("more than 3 bytes") != std::string::npos);
    CHECK(read_small_file(folder.file("", 0600), 10).ok());
}

TEST_CASE("who else may read it is seen by its mode", "[small_file]") {
    const Folder folder;
    for (const mode_t mode : {0600U, 0400U, 0440U, 0700U}) {
        CHECK_FALSE(read_small_file(folder.file("x", mode), 10).value().is_open_to_others);
    }
    for (const mode_t mode : {0644U, 0604U, 0602U, 0660U, 0601U}) {
        CHECK(read_small_file(folder.file("x", mode), 10).value().is_open_to_others);
    }
}

TEST_CASE("a secret is private if only its owner reads it", "[small_file]") {
    const Folder folder;
    for (const mode_t mode : {0600U, 0400U}) {
        CHECK(read_small_file(folder.file("x", mode), 10).value().is_private);
    }
    for (const mode_t mode : {0644U, 0640U, 0440U, 0604U, 0620U, 0602U, 0700U}) {
        CHECK_FALSE(read_small_file(folder.file("x", mode), 10).value().is_private);
    }
    if (::geteuid() == 0) {
        const std::string name = folder.file("x", 0600);
        REQUIRE(::chown(name.c_str(), 12345, 0) == 0);
        CHECK_FALSE(read_small_file(name, 10).value().is_private);
    }
}

TEST_CASE("what is no ordinary file is not waited for", "[small_file]") {
    const Folder folder;
    CHECK(complaint(folder.path("none"), 10).find("No such file") != std::string::npos);
    CHECK(complaint(folder.path(""), 10).find("no ordinary file") != std::string::npos);
    const std::string pipe = folder.path("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(complaint(pipe, 10).find("no ordinary file") != std::string::npos);
}

} // namespace small_file_test
