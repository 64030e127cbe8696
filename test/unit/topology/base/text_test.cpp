// Goal: text from elsewhere can be told from our own, in messages and in lines of a log.
#include "topology/base/text.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

namespace text_test {

using namespace zcomet;

TEST_CASE("text that the user wrote is put in quotation marks, unchanged", "[text]") {
    CHECK(in_quotes("two words") == "\"two words\"");
    CHECK(in_quotes("") == "\"\"");
    CHECK(in_quotes("caf\xc3\xa9 \\ \"") == "\"caf\xc3\xa9 \\ \"\"");
}

TEST_CASE("control characters in quotation marks do not reach the reader's terminal", "[text]") {
    CHECK(in_quotes("two\nlines") == "\"two\\nlines\"");
    CHECK(in_quotes("\x1b[2J\x7f") == "\"\\x1b[2J\\x7f\"");
}

TEST_CASE("a name is printable ASCII without a space, and not too long", "[text]") {
    CHECK(is_printable_name("web1/2", 6));
    CHECK(is_printable_name("!~", 64));
    CHECK_FALSE(is_printable_name("web1/2", 5));
    CHECK_FALSE(is_printable_name("", 64));
    CHECK_FALSE(is_printable_name("two words", 64));
    CHECK_FALSE(is_printable_name("line\n", 64));
    CHECK_FALSE(is_printable_name("\x7f", 64));
    CHECK_FALSE(is_printable_name("caf\xc3\xa9", 64));
}

TEST_CASE("case does not count for ASCII letters, and for nothing else", "[text]") {
    CHECK(equals_ignoring_case("Content-Length", "content-lENGTH"));
    CHECK(equals_ignoring_case("", ""));
    CHECK_FALSE(equals_ignoring_case("content", "content-length"));
    CHECK_FALSE(equals_ignoring_case("content-length", "content"));
    // These differ in the bit that distinguishes A from a, but are not letters.
    CHECK_FALSE(equals_ignoring_case("@[", "`{"));
    CHECK_FALSE(equals_ignoring_case("\xc9", "\xe9"));
}

TEST_CASE("a plain word is a log value as it is", "[text]") {
    CHECK(log_value("web1/2") == "web1/2");
    CHECK(log_value("tcp://[::1]:5555") == "tcp://[::1]:5555");
}

TEST_CASE("a log value is one value, whatever is in it", "[text]") {
    CHECK(log_value("") == R"("")");
    CHECK(log_value("two words") == R"("two words")");
    CHECK(log_value("x=1") == R"("x=1")");
    CHECK(log_value("say \"hi\"") == R"("say \"hi\"")");
    CHECK(log_value("\\") == R"("\\")");
    CHECK(log_value("a\nevent=forged\r\t") == R"("a\nevent=forged\r\t")");
    CHECK(log_value(std::string("\0\x1b[2J\x7f\xc2\x9b", 8)) == R"("\x00\x1b[2J\x7f\xc2\x9b")");
}

TEST_CASE("no byte of a log value can end the value or the line", "[text]") {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string value = log_value(std::string(1, static_cast<char>(byte)) + " x");
        CAPTURE(byte, value);
        CHECK(value.front() == '"');
        CHECK(value.back() == '"');
        CHECK(std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; }));
        CHECK(std::count(value.begin(), value.end(), '"') == (byte == '"' ? 3 : 2));
    }
}

TEST_CASE("what a terminal takes for a command is shown", "[text]") {
    CHECK(in_one_line("a\nb\tc\x1b[2J\x7f") == "a\\nb\\tc\\x1b[2J\\x7f");
    CHECK(in_one_line("\xC2\x9B"
                      "31m") == "\\xc2\\x9b"
                                "31m"); // U+009B is a CSI in one character
    CHECK(in_one_line("\xC2\xA0\xC3\x9B \xC2") == "\xC2\xA0\xC3\x9B \xC2"); // these are letters
}

TEST_CASE("a long log value is cut, and says so", "[text]") {
    const std::string longest(kLogValueBytesMax, 'a');
    CHECK(log_value(longest) == longest);
    CHECK(log_value(longest + "b") == "\"" + longest + "... (257 bytes)\"");
    // Escapes make a value longer, but not without bound.
    CHECK(log_value(std::string(1'000'000, '\0')).size() < 4 * kLogValueBytesMax + 40);
}

} // namespace text_test
