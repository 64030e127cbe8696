// Cursors as clients keep them, and what is none.
#include "topology/history/cursor.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace cursor_test {

using namespace zcomet::history;

TEST_CASE("a cursor is read back as it was", "[cursor]") {
    const auto position = GENERATE(as<std::uint64_t>(), 0, 1, 35, 36, UINT64_MAX);
    const Cursor cursor{UINT64_MAX, position};
    const std::string text = text_of(cursor);
    CHECK(text.size() <= kCursorBytesMax);
    CHECK(text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.-") == std::string::npos);
    CHECK(read_cursor(text) == cursor);
}

TEST_CASE("what is no cursor is not read", "[cursor]") {
    const auto text = GENERATE(as<std::string>(), "", "-", "1", "1-", "-1", "0-1", "1-1-1", "1 -1",
                               "A-1", "1-A", "01-1", "1-01", "+1-1", "1-1 ",
                               "3w5e11264sgsg-1", // 2^64
                               std::string(200, '1') + "-1");
    CHECK_FALSE(read_cursor(text));
}

} // namespace cursor_test
