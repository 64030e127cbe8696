// Goal: the status code and the framing of the body are read correctly, wherever the head is cut.
#include "tools/floodtest/flood_head.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace flood_head_test {

using zcomet::tools::floodtest::FloodHead;
using Event = FloodHead::Event;

namespace {

const std::string kWholeHead = "HTTP/1.1 200 OK\r\nServer: zcomet\r\nContent-Type: text/html\r\n"
                               "transfer-Encoding: Chunked \r\nCache-Control: no-store\r\n\r\n";

/// Reads a head with `fields` in it, which end in CRLF each.
FloodHead read_with(const std::string& fields) {
    FloodHead head;
    const std::string text = "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
    std::string_view bytes = text;
    REQUIRE(head.next(bytes) == Event::kDone);
    return head;
}

Event read_whole(std::string_view bytes) {
    FloodHead head;
    return head.next(bytes);
}

} // namespace

TEST_CASE("a head cut in two at every place", "[flood_head]") {
    const std::string text = kWholeHead + "3\r\nabc\r\n";
    for (std::size_t cut = 0; cut < kWholeHead.size(); ++cut) {
        INFO("cut at " << cut);
        FloodHead head;
        std::string_view first = std::string_view(text).substr(0, cut);
        std::string_view second = std::string_view(text).substr(cut);
        REQUIRE(head.next(first) == Event::kNeedMore);
        REQUIRE(head.next(second) == Event::kDone);
        REQUIRE(second == "3\r\nabc\r\n");
        REQUIRE(head.status() == 200);
        REQUIRE(head.chunked());
    }
}

TEST_CASE("status codes", "[flood_head]") {
    const int status = GENERATE(100, 200, 404, 431, 503, 999);
    FloodHead head;
    const std::string text = "HTTP/1.0 " + std::to_string(status) + "\r\n\r\n";
    std::string_view bytes = text;
    REQUIRE(head.next(bytes) == Event::kDone);
    CHECK(head.status() == status);
    CHECK_FALSE(head.chunked());
}

TEST_CASE("only a body with no other coding counts as chunked", "[flood_head]") {
    CHECK(read_with("Transfer-Encoding:chunked\r\n").chunked());
    CHECK(read_with("X: y\r\nTRANSFER-ENCODING: \tCHUNKED\t\r\nX: y\r\n").chunked());
    CHECK_FALSE(read_with("Transfer-Encoding: gzip\r\n").chunked());
    CHECK_FALSE(read_with("Transfer-Encoding: gzip, chunked\r\n").chunked());
    CHECK_FALSE(read_with("Transfer-Encoding: chunkedish\r\n").chunked());
    CHECK_FALSE(read_with("Transfer-Encoding: chunk\r\n").chunked());
    CHECK_FALSE(read_with("Transfer-Encoding: chunked, gzip\r\n").chunked());
    CHECK_FALSE(read_with("X-Transfer-Encoding: chunked\r\n").chunked());
    CHECK_FALSE(read_with("Content-Length: 12\r\n").chunked());
}

TEST_CASE("a response that is not HTTP/1 is refused", "[flood_head]") {
    const std::string bytes = GENERATE(values<std::string>({
        "\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/2 200\r\n",
        "HTTP/1.1\r\n",
        "HTTP/1.1 20\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1-200 OK\r\n",
        "http/1.1 200 OK\r\n",
    }));
    INFO(bytes);
    CHECK(read_whole(bytes) == Event::kBad);
}

TEST_CASE("a head without end is refused at the bound", "[flood_head]") {
    const std::string line = "HTTP/1.1 200 OK\r\nX: ";
    const std::size_t room = FloodHead::kHeadBytesMax - line.size();
    CHECK(read_whole(line + std::string(room, 'x')) == Event::kNeedMore);
    CHECK(read_whole(line + std::string(room + 1, 'x')) == Event::kBad);
}

} // namespace flood_head_test
