// Goal: text that passed append_html_escaped() cannot become markup in the page around it.
#include "webnode/format/html_escape.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace zcomet::webnode::format::html_escape_test {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    append_html_escaped(out, text);
    return out;
}

const std::string kReplacement = "\xEF\xBF\xBD";

TEST_CASE("the five characters of markup become references", "[html_escape]") {
    CHECK(escaped("a & b") == "a &amp; b");
    CHECK(escaped("<script>") == "&lt;script&gt;");
    CHECK(escaped("\"'") == "&quot;&#39;");
    CHECK(escaped("&amp;") == "&amp;amp;");
}

TEST_CASE("other text stays as it is", "[html_escape]") {
    CHECK(escaped("").empty());
    CHECK(escaped("plain text, 123; /=`").size() == 20);
    CHECK(escaped("tab\tlf\ncr\r") == "tab\tlf\ncr\r");
    CHECK(escaped("gr\xC3\xBC\xC3\x9F") == "gr\xC3\xBC\xC3\x9F");
}

TEST_CASE("bytes that are not UTF-8 stay as they are", "[html_escape]") {
    CHECK(escaped("\xFF\x80 x") == "\xFF\x80 x");
}

TEST_CASE("control characters become the replacement character", "[html_escape]") {
    CHECK(escaped(std::string_view("a\0b", 3)) == "a" + kReplacement + "b");
    CHECK(escaped("\x1B[2J") == kReplacement + "[2J");
    CHECK(escaped("\x7F") == kReplacement);
}

TEST_CASE("it appends", "[html_escape]") {
    std::string out = "<b>";
    append_html_escaped(out, "<");
    CHECK(out == "<b>&lt;");
}

TEST_CASE("property: no markup character is left, for any bytes", "[html_escape]") {
    const auto seed = 20241U;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 2000; ++round) {
        std::string text(random() % 40, '\0');
        for (char& c : text) {
            c = static_cast<char>(random());
        }
        const std::string out = escaped(text);
        CAPTURE(round);
        REQUIRE(out.find_first_of("<>\"'") == std::string::npos);
        for (std::size_t at = out.find('&'); at != std::string::npos; at = out.find('&', at + 1)) {
            const std::string reference = out.substr(at, out.find(';', at) - at + 1);
            REQUIRE((reference == "&amp;" || reference == "&lt;" || reference == "&gt;" ||
                     reference == "&quot;" || reference == "&#39;"));
        }
    }
}

} // namespace
} // namespace zcomet::webnode::format::html_escape_test
