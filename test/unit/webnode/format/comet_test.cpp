// Goal: chunks are, byte for byte, those of the 2008 page, in framing that HTTP/1.1 can read.
#include "webnode/format/comet.hpp"
#include "webnode/format/formats.hpp"

#include <catch2/catch.hpp>

#include <charconv>

namespace zcomet::webnode::format {
namespace {

std::string encoded(std::string_view text, std::uint32_t number, Framing framing) {
    std::string shared;
    comet_format().prepare(text, shared);
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
    comet_format().prepare("b", shared);
    std::string out;
    comet_format().append(out, shared, 1, Framing::kBare);
    comet_format().append(out, shared, 7, Framing::kBare);
    CHECK(out == "Recvd msg #1: 'b'<br/>\nRecvd msg #7: 'b'<br/>\n");
}

TEST_CASE("a gap is a line of its own, which has no number", "[comet_format]") {
    CHECK(comet_format().gap(Framing::kBare) == "<em>Some messages were missed.</em><br/>\n");
    CHECK(comet_format().gap(Framing::kChunked) ==
          "29\r\n<em>Some messages were missed.</em><br/>\n\r\n");
}

TEST_CASE("a stream ended by the worker says so if its framing allows", "[comet_format]") {
    CHECK(comet_format().farewell(Framing::kChunked) == "0\r\n\r\n");
    CHECK(comet_format().farewell(Framing::kBare).empty());
    CHECK(comet_format().greeting(Framing::kChunked).empty());
    CHECK(comet_format().sign_of_life(Framing::kChunked).empty());
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
} // namespace zcomet::webnode::format
