// Goal: each line is read as it was written, and nothing else is taken for a line.
#include "tools/logs/message_log.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace message_log_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::logs;
using What = StreamLine::What;

namespace {

template <typename Line> std::string text_of(const Line& line) {
    std::string text;
    append_line(text, line);
    return text;
}

std::string_view without_end(std::string_view text) {
    REQUIRE(text.ends_with('\n'));
    return text.substr(0, text.size() - 1);
}

} // namespace

TEST_CASE("lines of sent messages", "[message_log]") {
    const std::vector<std::pair<SentLine, std::string>> lines{
        {{"5f3a", 1, "id", 1'790'000'000'000'000'001, 3, Fate::kHeld, 2},
         "sent\t5f3a\t1\tid\t1790000000000000001\t3\t2\n"},
        {{"a", 18'446'744'073'709'551'615U, "~", 0, 1, Fate::kVoid, 0},
         "sent\ta\t18446744073709551615\t~\t0\t1\tvoid\n"},
        {{"a", 7, "8", 9, 1, Fate::kUnconfirmed, 0}, "sent\ta\t7\t8\t9\t1\tunconfirmed\n"},
    };
    for (const auto& [line, text] : lines) {
        CHECK(text_of(line) == text);
        CHECK(parse_sent_line(without_end(text)) == line);
        CHECK_FALSE(parse_stream_line(without_end(text)));
    }
}

TEST_CASE("lines of received messages", "[message_log]") {
    const std::vector<std::pair<StreamLine, std::string>> lines{
        {{What::kOpen, 0, "id", 5, 0, {}, 0}, "open\t0\tid\t5\n"},
        {{What::kGot, 7, "id", 5, 1, "5f3a", 3}, "got\t7\tid\t5\t1\t5f3a\t3\n"},
        {{What::kGot, 7, "id", 5, 1, {}, 0}, "got\t7\tid\t5\t1\t-\t0\n"},
        {{What::kGap, 7, "id", 5, 0, {}, 0}, "gap\t7\tid\t5\n"},
        {{What::kClose, 7, "id", 5, 0, {}, 0}, "close\t7\tid\t5\n"},
    };
    for (const auto& [line, text] : lines) {
        CHECK(text_of(line) == text);
        const auto parsed = parse_stream_line(without_end(text));
        CHECK(parsed == line);
        CHECK_FALSE(parse_sent_line(without_end(text)));
    }
}

TEST_CASE("other lines are refused", "[message_log]") {
    for (const char* const text :
         {"", "sent", "sent\t\t1\tid\t1\t1\t1", "sent\ta\t1\tid\t1\t1", "sent\ta\t1\tid\t1\t1\t0",
          "sent\ta\t1\tid\t1\t1\t1\t", "sent\ta\t-1\tid\t1\t1\t1", "sent\ta\t1x\tid\t1\t1\t1",
          "sent\ta\t1\ti d\t1\t1\t1", "sent\ta\t1\tid\t1\t1\tlost", "sent\ta\t1\tid\t1\t1\t",
          "sent\ta\t1\tid\t1\t1\t1\t1\t1\t1", "Sent\ta\t1\tid\t1\t1\t1"}) {
        INFO(text);
        CHECK_FALSE(parse_sent_line(text));
    }
    for (const char* const text :
         {"", "open", "open\t0\tid", "open\t0\tid\t5\t1", "open\tx\tid\t5", "open\t0\t\t5",
          "got\t0\tid\t5", "got\t7\tid\t5\t1\t\t3", "got\t7\tid\t5\t1\ta\tx", "close\t0\tid\t",
          "got\t7\tid\t5\t4294967296\ta\t3", "shut\t0\tid\t5"}) {
        INFO(text);
        CHECK_FALSE(parse_stream_line(text));
    }
}

} // namespace message_log_test
