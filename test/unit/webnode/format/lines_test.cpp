// Goal: each line is JSON by itself, and says what was sent.
#include "webnode/format/lines.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace zcomet::webnode::format::lines_test {
namespace {

constexpr std::array<std::string_view, 1> kIds{"123"};

std::string encoded(std::string_view text, Framing framing = Framing::kBare) {
    std::string shared;
    lines_format().prepare({"123", text}, shared);
    std::string out;
    lines_format().append(out, shared, 1, framing);
    return out;
}

TEST_CASE("a message is one line", "[lines_format]") {
    CHECK(encoded("hi") == "{\"id\":\"123\",\"data\":\"hi\"}\n");
    CHECK(encoded("hi", Framing::kChunked) == "19\r\n{\"id\":\"123\",\"data\":\"hi\"}\n\r\n");
}

TEST_CASE("a line of an event has its name", "[lines_format]") {
    std::string shared;
    lines_format().prepare({"123", "a", "t\"k"}, shared);
    std::string out;
    lines_format().append(out, shared, 1, Framing::kBare);
    CHECK(out == "{\"id\":\"123\",\"event\":\"t\\\"k\",\"data\":\"a\"}\n");
}

TEST_CASE("a line of an id with a history has its cursor", "[lines_format]") {
    const history::Cursor cursor{36, 37};
    std::string shared;
    lines_format().prepare({"123", "a", {}, {}, cursor}, shared);
    std::string out;
    lines_format().append(out, shared, 1, Framing::kBare);
    CHECK(out == "{\"id\":\"123\",\"data\":\"a\",\"cursor\":\"10-11\"}\n");
    out.clear();
    lines_format().append_gap(out, {kIds, "epoch", cursor}, Framing::kBare);
    CHECK(out == "{\"gap\":{\"ids\":[\"123\"],\"reason\":\"epoch\"},\"cursor\":\"10-11\"}\n");
}

TEST_CASE("any text is read back as it was", "[lines_format]") {
    const std::string text =
        GENERATE(as<std::string>(), "", "a\nb\r\n", "\"quoted\" \\", "Gr\xC3\xBC\xC3\x9F",
                 std::string("nul\0", 4), std::string(65'536, 'x'));
    const std::string line = encoded(text);
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(nlohmann::json::parse(line)["data"] == text);
}

TEST_CASE("bytes that are not UTF-8 become the replacement character", "[lines_format]") {
    CHECK(nlohmann::json::parse(encoded("a\xFF"))["data"] == "a\xEF\xBF\xBD");
}

TEST_CASE("a gap and a sign of life are lines as well", "[lines_format]") {
    std::string out;
    lines_format().append_gap(out, {kIds, "cut-off"}, Framing::kBare);
    CHECK(out == "{\"gap\":{\"ids\":[\"123\"],\"reason\":\"cut-off\"}}\n");
    CHECK(lines_format().sign_of_life(Framing::kBare) == "\n");
    CHECK(lines_format().sign_of_life(Framing::kChunked) == "1\r\n\n\r\n");
}

} // namespace
} // namespace zcomet::webnode::format::lines_test
