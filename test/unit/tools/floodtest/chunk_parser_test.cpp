// Goal: chunks and stamps are found wherever the network cuts the bytes, and bytes that break the
// grammar are refused.
// Method: every way to cut a body in two and one byte at a time; mutations; random bytes.
#include "tools/floodtest/chunk_parser.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace chunk_parser_test {

using zcomet::tools::floodtest::ChunkParser;
using Event = ChunkParser::Event;

namespace {

/// The result of reading a body.
struct Read {
    std::vector<std::uint64_t> stamps; ///< one for each chunk; 0: none
    Event last = Event::kNeedMore;
    std::string rest;

    bool operator==(const Read& other) const = default;
};

void feed(ChunkParser& parser, std::string_view bytes, Read& read) {
    read.last = parser.next(bytes);
    while (read.last == Event::kChunk) {
        read.stamps.push_back(parser.stamp().value_or(0));
        read.last = parser.next(bytes);
    }
    read.rest.append(bytes);
}

Read read_whole(std::string_view bytes) {
    ChunkParser parser;
    Read read;
    feed(parser, bytes, read);
    return read;
}

std::string chunk(std::string_view data) {
    char size[16];
    std::snprintf(size, sizeof(size), "%zx\r\n", data.size());
    return size + std::string(data) + "\r\n";
}

const std::string kWholeBody = chunk("Recvd msg #1: 'no stamp'<br/>\n") +
                               chunk("Recvd msg #2: 'a ts=1224518305000000001'<br/>\n") +
                               chunk("x") + chunk(" ts=12") + chunk("  ts=7 ts=8 ts=x") +
                               chunk(" ts ts= ts=9") + "0\r\n\r\n";
const Read kBodyRead{{0, 1224518305000000001, 0, 12, 8, 9}, Event::kEnd, ""};

} // namespace

TEST_CASE("chunks and stamps of a whole body", "[chunk_parser]") {
    CHECK(read_whole(kWholeBody) == kBodyRead);
    CHECK(read_whole("") == Read{});
    CHECK(read_whole("3\r\nabc\r") == Read{});
    CHECK(read_whole("3\r\nabc\r\n") == Read{{0}, Event::kNeedMore, ""});
}

TEST_CASE("a body cut in two at every place", "[chunk_parser]") {
    for (std::size_t cut = 0; cut <= kWholeBody.size(); ++cut) {
        INFO("cut at " << cut);
        ChunkParser parser;
        Read read;
        feed(parser, std::string_view(kWholeBody).substr(0, cut), read);
        feed(parser, std::string_view(kWholeBody).substr(cut), read);
        REQUIRE(read == kBodyRead);
    }
}

TEST_CASE("a body byte by byte", "[chunk_parser]") {
    ChunkParser parser;
    Read read;
    for (const char& byte : kWholeBody) {
        feed(parser, std::string_view(&byte, 1), read);
    }
    CHECK(read == kBodyRead);
}

TEST_CASE("sizes: letters of either case, leading zeros, extensions, trailers", "[chunk_parser]") {
    const std::string data(0x1aB, '.');
    CHECK(read_whole("1aB\r\n" + data + "\r\n") == Read{{0}, Event::kNeedMore, ""});
    CHECK(read_whole("000001Ab;name=\"v\"\r\n" + data + "\r\n").stamps.size() == 1);
    CHECK(read_whole("2 \r\nab\r\n").stamps.size() == 1);
    CHECK(read_whole("0\r\nTrailer: 1\r\nOther: 2\r\n\r\nnext") == Read{{}, Event::kEnd, "next"});
}

TEST_CASE("a body that is not chunked is refused", "[chunk_parser]") {
    const std::string bytes = GENERATE(values<std::string>({
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "<html>",
        ";x\r\n",
        "3\nabc\r\n",
        "3;e\nabc\r\n",
        "3\rabc",
        "3\r\nabcd\r\n",
        "3\r\nabc\n",
        "3\r\nabc\rx",
        "0\r\n\rx",
        std::string(1, '\0'),
    }));
    INFO(bytes);
    CHECK(read_whole(bytes).last == Event::kBad);
}

TEST_CASE("huge sizes are refused before anything is read for them", "[chunk_parser]") {
    CHECK(read_whole("1000000\r\n").last == Event::kNeedMore);
    CHECK(read_whole("1000001\r\n").last == Event::kBad);
    CHECK(read_whole("ffffffff").last == Event::kBad);
    CHECK(read_whole("100000000").last == Event::kBad);
    CHECK(read_whole("ffffffffffffffffffffffff").last == Event::kBad);
    CHECK(read_whole("000000000").last == Event::kBad);
}

TEST_CASE("a refused body stays refused, and a complete one complete", "[chunk_parser]") {
    ChunkParser parser;
    Read read;
    feed(parser, "zz", read);
    feed(parser, "3\r\nabc\r\n", read);
    CHECK(read.last == Event::kBad);
    CHECK(read.stamps.empty());
    ChunkParser ended;
    feed(ended, "0\r\n\r\n", read);
    feed(ended, "3\r\nabc\r\n", read);
    CHECK(read.last == Event::kEnd);
    CHECK(read.stamps.empty());
}

TEST_CASE("numbers too long for a time are not stamps", "[chunk_parser]") {
    CHECK(read_whole(chunk(" ts=9999999999999999999")).stamps[0] == 9'999'999'999'999'999'999U);
    CHECK(read_whole(chunk(" ts=10000000000000000000")).stamps[0] == 0);
    CHECK(read_whole(chunk(" ts=" + std::string(5000, '1'))).stamps[0] == 0);
    CHECK(read_whole(chunk(" ts=3 ts=" + std::string(5000, '1'))).stamps[0] == 3);
}

TEST_CASE("a chunk without a message shows by its beginning", "[chunk_parser]") {
    // However the network cuts it.
    const auto has_message = [](std::string_view data) {
        const std::string body = chunk(data);
        std::vector<bool> answers;
        for (std::size_t cut = 0; cut < body.size(); ++cut) {
            ChunkParser parser;
            std::string_view before = std::string_view(body).substr(0, cut);
            std::string_view after = std::string_view(body).substr(cut);
            REQUIRE(parser.next(before) == Event::kNeedMore);
            REQUIRE(parser.next(after) == Event::kChunk);
            answers.push_back(parser.has_message());
        }
        REQUIRE(std::count(answers.begin(), answers.end(), answers.front()) ==
                static_cast<std::ptrdiff_t>(answers.size()));
        return bool(answers.front());
    };
    for (const std::string_view data :
         {"Recvd msg #2: 'x'<br/>\n", "data: x\n\n", "id: 1\ndata: x\n\n", "{\"id\":\"1\"}\n", "x",
          "r", "retro", "event: price\ndata: 1\n\n", "event: gaps\ndata: 1\n\n", "event: ga",
          "<e"}) {
        INFO(data);
        CHECK(has_message(data));
    }
    for (const std::string_view data :
         {"\n", ":\n", "retry: 1500\n", "<!doctype html>\n", "<em>Some messages",
          "event: gap\ndata: {}\n\n", "event: position\nid: 1-2\ndata: {}\n\n",
          "{\"gap\":{\"ids\":[\"1\"],\"reason\":\"cut-off\"}}\n"}) {
        INFO(data);
        CHECK_FALSE(has_message(data));
    }
}

TEST_CASE("whether a chunk has a message does not depend on the one before", "[chunk_parser]") {
    const std::string body = chunk("event: position\n") + chunk("event: price\n") + chunk(":\n") +
                             chunk("event: gap\n") + chunk("data: 1\n\n");
    std::string_view bytes = body;
    ChunkParser parser;
    std::vector<bool> answers;
    while (parser.next(bytes) == Event::kChunk) {
        answers.push_back(parser.has_message());
    }
    CHECK(answers == std::vector<bool>{false, true, false, false, true});
}

TEST_CASE("a stamp does not reach from one chunk into the next", "[chunk_parser]") {
    CHECK(read_whole(chunk("a ts=") + chunk("123") + chunk("a t") + chunk("s=5")).stamps ==
          std::vector<std::uint64_t>{0, 0, 0, 0});
}

TEST_CASE("random chunks, cut at random, are all counted", "[chunk_parser][property]") {
    const auto seed = GENERATE(take(50, random(0U, ~0U)));
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const std::string alphabet = " ts=0123456789\r\n;'";
    std::string body;
    std::vector<std::uint64_t> stamps;
    for (int i = 0; i < 200; ++i) {
        std::string data(1 + random() % 40, '\0');
        for (char& byte : data) {
            byte = alphabet[random() % alphabet.size()];
        }
        // Random text may contain a stamp; ours comes last, and the last one counts.
        stamps.push_back(1 + random() % 1'000'000'000'000);
        body += chunk(data + " ts=" + std::to_string(stamps.back()) + "'");
    }
    ChunkParser parser;
    Read read;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t size = 1 + random() % 100;
        feed(parser, std::string_view(body).substr(at, size), read);
        at += size;
    }
    CHECK(read == Read{stamps, Event::kNeedMore, ""});
}

TEST_CASE("garbage ends in a verdict", "[chunk_parser][property]") {
    const auto seed = GENERATE(take(200, random(0U, ~0U)));
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    std::string bytes = kWholeBody;
    for (int i = 0; i < 3; ++i) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    ChunkParser parser;
    Read read;
    const std::size_t cut = random() % bytes.size();
    feed(parser, std::string_view(bytes).substr(0, cut), read);
    feed(parser, std::string_view(bytes).substr(cut), read);
    CHECK(read == read_whole(bytes));
    CHECK(read.stamps.size() <= bytes.size() / 6);
}

} // namespace chunk_parser_test
