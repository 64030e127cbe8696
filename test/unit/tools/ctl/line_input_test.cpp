#include "tools/ctl/line_input.hpp"
#include "topology/base/unique_fd.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace line_input_test {

using zcomet::UniqueFd;
using zcomet::tools::ctl::LineInput;

namespace {

constexpr std::size_t kLineBytesMax = 20'000; // more than is read at once

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }
    void write(std::string_view text) const {
        REQUIRE(::write(writer.get(), text.data(), text.size()) ==
                static_cast<ssize_t>(text.size()));
    }
    UniqueFd reader;
    UniqueFd writer;
};

void never_idle() {
    FAIL("it waits although there is a line");
}

} // namespace

TEST_CASE("lines come one by one, the last one without its end, too", "[line_input]") {
    Pipe pipe;
    const std::string longest(kLineBytesMax, 'x');
    pipe.write("one\n\n" + longest + "\nend");
    pipe.writer.reset();
    LineInput input(pipe.reader.get(), kLineBytesMax);
    CHECK(input.next(never_idle) == "one");
    CHECK(input.line_number() == 1);
    CHECK(input.next(never_idle) == "");
    CHECK(input.next(never_idle) == longest);
    CHECK(input.next(never_idle) == "end");
    CHECK(input.line_number() == 4);
    CHECK_FALSE(input.next(never_idle).has_value());
    CHECK_FALSE(input.next(never_idle).has_value());
}

TEST_CASE("while no line comes, somebody else may work", "[line_input]") {
    Pipe pipe;
    pipe.write("begun");
    LineInput input(pipe.reader.get(), kLineBytesMax);
    CHECK(input.next([&] { pipe.write(" and done\n"); }) == "begun and done");
}

TEST_CASE("a line that is too long is an error, whether or not it ends", "[line_input]") {
    Pipe pipe;
    pipe.write("ok\n" + std::string(kLineBytesMax + 1, 'x'));
    LineInput input(pipe.reader.get(), kLineBytesMax);
    CHECK(input.next(never_idle) == "ok");
    CHECK_THROWS_WITH(input.next(never_idle), "line 2 has more than 20000 bytes");
}

TEST_CASE("what cannot be read is an error", "[line_input]") {
    const UniqueFd folder(::open("/", O_RDONLY | O_CLOEXEC));
    LineInput input(folder.get(), kLineBytesMax);
    CHECK_THROWS_WITH(input.next(never_idle), "standard input cannot be read: Is a directory");
}

} // namespace line_input_test
