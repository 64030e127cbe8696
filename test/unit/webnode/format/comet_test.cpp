// Goal: chunks are, byte for byte, those of the 2008 page, in framing that HTTP/1.1 can read.
#include "webnode/format/comet.hpp"
#include "webnode/format/formats.hpp"
#include "webnode/format/framing.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <charconv>

namespace zcomet::webnode::format::comet_test {
namespace {

constexpr std::array<std::string_view, 1> kIds{"123"};

std::string encoded(std::string_view text, std::uint32_t number, Framing framing) {
    std::string shared;
    comet_format().prepare({"123", text}, shared);
    std::string out;
    comet_format().append(out, shared, number, framing);
    return out;
}

TEST_CASE("a chunk", "[comet_format]") {
    CHECK(encoded("hi", 1, Framing::kChunked) == "18\r\nRecvd msg #1: 'hi'<br/>\n\r\n");
    CHECK(encoded("", 1, Framing::kChunked) == "16\r\nRecvd msg #1: ''<br/>\n\r\n");
}

TEST_CASE("a bare body for HTTP/1.0", "[comet_format]") {
    CHECK(encoded("hi", 12, Framing::kBare) == "Recvd msg #12: 'hi'<br/>\n");
}

TEST_CASE("the message is escaped", "[comet_format]") {
    CHECK(encoded("<b>'&", 3, Framing::kBare) == "Recvd msg #3: '&lt;b&gt;&#39;&amp;'<br/>\n");
}

TEST_CASE("the size is right for every length and number", "[comet_format]") {
    const std::size_t length = GENERATE(0U, 1U, 9U, 10U, 234U, 235U, 236U, 4000U, 65'536U);
    const std::uint32_t number = GENERATE(1U, 9U, 10U, 99'999U, UINT32_MAX);
    CAPTURE(length, number);
    const std::string chunk = encoded(std::string(length, 'x'), number, Framing::kChunked);
    const std::string body = encoded(std::string(length, 'x'), number, Framing::kBare);

    std::size_t size = 0;
    const auto parsed = std::from_chars(chunk.data(), chunk.data() + chunk.size(), size, 16);
    CHECK(size == body.size());
    CHECK(std::string(parsed.ptr) == "\r\n" + body + "\r\n");
}

TEST_CASE("one message serves many streams, and chunks are appended", "[comet_format]") {
    std::string shared = "left over";
    comet_format().prepare({"123", "b"}, shared);
    std::string out;
    comet_format().append(out, shared, 1, Framing::kBare);
    comet_format().append(out, shared, 7, Framing::kBare);
    CHECK(out == "Recvd msg #1: 'b'<br/>\nRecvd msg #7: 'b'<br/>\n");
}

TEST_CASE("a gap is a line of its own, which has no number", "[comet_format]") {
    const auto gap = [](Framing framing) {
        std::string out;
        comet_format().append_gap(out, {kIds, "cut-off"}, framing);
        return out;
    };
    CHECK(gap(Framing::kBare) == "<em>Some messages were missed.</em><br/>\n");
    CHECK(gap(Framing::kChunked) == "29\r\n<em>Some messages were missed.</em><br/>\n\r\n");
}

TEST_CASE("a stream ended by the worker says so if its framing allows", "[comet_format]") {
    CHECK(comet_format().farewell(Framing::kChunked) == "0\r\n\r\n");
    CHECK(comet_format().farewell(Framing::kBare).empty());
}

TEST_CASE("a sign of life is an empty line", "[comet_format]") {
    CHECK(comet_format().sign_of_life(Framing::kBare) == "\n");
    CHECK(comet_format().sign_of_life(Framing::kChunked) == "1\r\n\n\r\n");
}

std::string greeting(std::string_view accept, Framing framing) {
    const std::string head = "GET /test/1<2 HTTP/1.1\r\nHost: a\r\n" + std::string(accept) + "\r\n";
    http::Request request;
    request.rest = "1<2";
    request.head = head;
    std::string out;
    comet_format().greet(request, framing, 0, out);
    return out;
}

TEST_CASE("a browser gets a page at once, a program does not", "[comet_format]") {
    CHECK(greeting("", Framing::kChunked).empty());
    CHECK(greeting("Accept: */*\r\n", Framing::kChunked).empty());
    const std::string page = greeting("accept: text/html,*/*;q=0.8\r\n", Framing::kBare);
    CHECK(page.rfind("<!doctype html>\n", 0) == 0);
    CHECK(page.find("<title>1&lt;2 - Zcomet</title>") != std::string::npos);
    CHECK(page.find("Waiting for messages to 1&lt;2.") != std::string::npos);
    std::string chunk;
    append_framed(chunk, page, Framing::kChunked);
    CHECK(greeting("Accept: text/html\r\n", Framing::kChunked) == chunk);
}

TEST_CASE("a browser's input on the page is used up, and changes nothing", "[comet_format]") {
    std::string out;
    const Input input = comet_format().on_input("hello", out);
    CHECK(input.used == 5);
    CHECK(input.is_unwanted);
    CHECK_FALSE(input.ends);
    CHECK(out.empty());
}

TEST_CASE("a stream's form fits into a byte", "[formats]") {
    for (FormatIndex index = 0; index < format_count(); ++index) {
        CHECK(index_of(format_at(index)) == index);
        for (const Framing framing : {Framing::kBare, Framing::kChunked}) {
            const Form form = Form::unpack(Form{index, framing}.packed());
            CHECK(form.format == index);
            CHECK(form.framing == framing);
        }
    }
    CHECK(format_at(index_of(comet_format())).name() == "comet");
}

} // namespace
} // namespace zcomet::webnode::format::comet_test
