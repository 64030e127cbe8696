// Goal: chunks are, byte for byte, what the 2008 page sent, in framing that HTTP/1.1 can read.
#include "webnode/stream/comet_encoder.hpp"

#include <catch2/catch.hpp>

#include <charconv>

namespace zcomet::webnode::stream {
namespace {

std::string encoded(std::string_view text, std::uint32_t number, bool chunked) {
    EncodedMessage message;
    message.prepare(text);
    std::string out;
    message.append_to(out, number, chunked);
    return out;
}

TEST_CASE("a chunk", "[comet_encoder]") {
    CHECK(encoded("hi", 1, true) == "17\r\nRecvd msg #1: 'hi'<br/>\r\n");
    CHECK(encoded("", 1, true) == "15\r\nRecvd msg #1: ''<br/>\r\n");
}

TEST_CASE("a bare body for HTTP/1.0", "[comet_encoder]") {
    CHECK(encoded("hi", 12, false) == "Recvd msg #12: 'hi'<br/>");
}

TEST_CASE("the message is escaped", "[comet_encoder]") {
    CHECK(encoded("<b>'&", 3, false) == "Recvd msg #3: '&lt;b&gt;&#39;&amp;'<br/>");
}

TEST_CASE("the size is right for every length and number", "[comet_encoder]") {
    const std::size_t length = GENERATE(0U, 1U, 9U, 10U, 234U, 235U, 236U, 4000U, 65'536U);
    const std::uint32_t number = GENERATE(1U, 9U, 10U, 99'999U, UINT32_MAX);
    CAPTURE(length, number);
    const std::string chunk = encoded(std::string(length, 'x'), number, true);
    const std::string body = encoded(std::string(length, 'x'), number, false);

    std::size_t size = 0;
    const auto parsed = std::from_chars(chunk.data(), chunk.data() + chunk.size(), size, 16);
    CHECK(size == body.size());
    CHECK(std::string(parsed.ptr) == "\r\n" + body + "\r\n");
}

TEST_CASE("one message serves many streams, and chunks are appended", "[comet_encoder]") {
    EncodedMessage message;
    message.prepare("first");
    message.prepare("b");
    std::string out;
    message.append_to(out, 1, false);
    message.append_to(out, 7, false);
    CHECK(out == "Recvd msg #1: 'b'<br/>Recvd msg #7: 'b'<br/>");
}

} // namespace
} // namespace zcomet::webnode::stream
