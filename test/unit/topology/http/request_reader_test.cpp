// Goal: the end of each request is found whatever the chunks, and requests that are too long,
// ambiguous or not HTTP are refused with the right status, as early as possible.
#include "topology/http/chunks.hpp"
#include "topology/http/request_reader.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <type_traits>

namespace zcomet::http::request_reader_test {
namespace {

using Verdict = RequestReader::Verdict;
using Outcome = RequestReader::Outcome;

static_assert(std::is_trivially_copyable_v<RequestReader>);
static_assert(sizeof(RequestReader) <= 24);

const std::string kGet = "GET /test/123 HTTP/1.1\r\nHost: a\r\n\r\n";

Outcome read_whole(std::string_view bytes) {
    RequestReader reader;
    return reader.read(bytes);
}

/// Feeds one byte after the other. @return the first outcome that is not kNeedMore; `used` says
/// after how many bytes it came.
Outcome read_byte_by_byte(std::string_view bytes, std::size_t& used) {
    RequestReader reader;
    for (used = 1; used <= bytes.size(); ++used) {
        // A fresh copy each time: the reader must not remember where the bytes were.
        const std::string so_far(bytes.substr(0, used));
        const Outcome outcome = reader.read(so_far);
        if (outcome.verdict != Verdict::kNeedMore) {
            return outcome;
        }
    }
    return {};
}

int refusal_of(std::string_view bytes) {
    const Outcome outcome = read_whole(bytes);
    std::size_t used = 0;
    const Outcome slow = read_byte_by_byte(bytes, used);
    CHECK(slow.verdict == outcome.verdict);
    CHECK(slow.status == outcome.status);
    return outcome.verdict == Verdict::kRefuse ? outcome.status : 0;
}

std::string with_header(const std::string& header) {
    return "POST /x HTTP/1.1\r\nHost: a\r\n" + header + "\r\n\r\n";
}

TEST_CASE("a request without a body ends with its head", "[request_reader]") {
    const Outcome outcome = read_whole(kGet);
    CHECK(outcome.verdict == Verdict::kComplete);
    CHECK(outcome.length == kGet.size());
}

TEST_CASE("a request without headers", "[request_reader]") {
    CHECK(read_whole("GET / HTTP/1.0\r\n\r\n").length == 18);
}

TEST_CASE("bytes of the next request stay", "[request_reader]") {
    CHECK(read_whole(kGet + kGet).length == kGet.size());
}

TEST_CASE("the body counts", "[request_reader]") {
    const std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    RequestReader reader;
    CHECK(reader.read(head).verdict == Verdict::kNeedMore);
    CHECK(reader.read(head + "1234").verdict == Verdict::kNeedMore);
    const Outcome outcome = reader.read(head + "12345GET");
    CHECK(outcome.verdict == Verdict::kComplete);
    CHECK(outcome.length == head.size() + 5);
}

TEST_CASE("each chunking gives the same result, at the first byte that decides",
          "[request_reader]") {
    const std::string post = "POST /x HTTP/1.1\r\nHost: a\r\ncontent-length: 3\r\n\r\nabc";
    for (const std::string& bytes : {kGet, "\r\n\r\n" + kGet, post}) {
        std::size_t used = 0;
        const Outcome outcome = read_byte_by_byte(bytes + "GET / HTTP/1.1\r\n", used);
        CHECK(outcome.verdict == Verdict::kComplete);
        CHECK(outcome.length == bytes.size());
        CHECK(used == bytes.size());
    }
}

TEST_CASE("bytes that are not HTTP are refused at once", "[request_reader]") {
    std::size_t used = 0;
    const std::string tls_hello("\x16\x03\x01\x02\x00\x01", 6);
    CHECK(read_byte_by_byte(tls_hello, used).status == 400);
    CHECK(used == 1);
    CHECK(read_byte_by_byte(std::string_view("\0", 1), used).status == 400);
    CHECK(read_byte_by_byte("\xC3\xBC", used).status == 400);
    CHECK(read_byte_by_byte(" GET / HTTP/1.1\r\n", used).status == 400);
    CHECK(used == 1);
}

TEST_CASE("malformed request lines", "[request_reader]") {
    CHECK(refusal_of("GET /\r\n") == 400);
    CHECK(refusal_of("GET\r\n") == 400);
    CHECK(refusal_of("GET  HTTP/1.1\r\n") == 400);
    CHECK(refusal_of("GET / x HTTP/1.1\r\n") == 400);
    CHECK(refusal_of("GET / HTTP/1.1 \r\n") == 400);
    CHECK(refusal_of("GET / http/1.1\r\n") == 400);
    CHECK(refusal_of("GET /\tx HTTP/1.1\r\n") == 400);
    CHECK(refusal_of("G(T / HTTP/1.1\r\n") == 400);
    CHECK(refusal_of("GET / HTTP/1.1\n") == 400);
    CHECK(refusal_of(std::string_view("GET /\0 HTTP/1.1\r\n", 17)) == 400);
    CHECK(refusal_of("GET /\r/ HTTP/1.1\r\n") == 400);
}

TEST_CASE("other versions of HTTP", "[request_reader]") {
    CHECK(refusal_of("PRI * HTTP/2.0\r\n") == 505);
    CHECK(refusal_of("GET / HTTP/1.2\r\n") == 505);
    CHECK(refusal_of("GET / HTTP/1.10\r\n") == 505);
}

TEST_CASE("any method passes; the front refuses unknown ones", "[request_reader]") {
    CHECK(read_whole("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n").verdict == Verdict::kComplete);
    CHECK(read_whole("get / HTTP/1.1\r\nHost: a\r\n\r\n").verdict == Verdict::kComplete);
}

TEST_CASE("malformed header lines", "[request_reader]") {
    CHECK(refusal_of(with_header("no colon")) == 400);
    CHECK(refusal_of(with_header(": no name")) == 400);
    CHECK(refusal_of(with_header("Name : blank before the colon")) == 400);
    CHECK(refusal_of(with_header("A: b\r\n folded")) == 400);
    CHECK(refusal_of(with_header("A: b\nB: c")) == 400);
    CHECK(refusal_of(with_header("A: b\rB: c")) == 400);
    CHECK(refusal_of(with_header(std::string("A: b\0", 5))) == 400);
    CHECK(refusal_of(with_header("A: \x7F")) == 400);
    CHECK(refusal_of(with_header("A:\tfine")) == 0);
    CHECK(refusal_of(with_header("A:")) == 0);
    CHECK(refusal_of(with_header("A: \xC3\xBC")) == 0);
}

TEST_CASE("the request line has a limit", "[request_reader]") {
    const auto line = [](std::size_t bytes) {
        const std::string around = "GET / HTTP/1.1\r\n";
        return "GET /" + std::string(bytes - around.size(), 'a') + " HTTP/1.1\r\n";
    };
    CHECK(refusal_of(line(kRequestLineBytesMax) + "Host: a\r\n\r\n") == 0);
    CHECK(refusal_of(line(kRequestLineBytesMax + 1) + "Host: a\r\n\r\n") == 414);
    std::size_t used = 0;
    CHECK(read_byte_by_byte("GET /" + std::string(20'000, 'a'), used).status == 414);
    CHECK(used <= kRequestLineBytesMax);
}

TEST_CASE("a header line has a limit", "[request_reader]") {
    const auto header = [](std::size_t bytes) { return "A: " + std::string(bytes - 3, 'a'); };
    CHECK(refusal_of(with_header(header(kHeaderLineBytesMax))) == 0);
    CHECK(refusal_of(with_header(header(kHeaderLineBytesMax + 1))) == 431);
    std::size_t used = 0;
    CHECK(read_byte_by_byte("GET / HTTP/1.1\r\nA: " + std::string(20'000, 'a'), used).status ==
          431);
    CHECK(used < 16 + kRequestLineBytesMax);
}

TEST_CASE("the head has a limit", "[request_reader]") {
    const auto head = [](std::size_t bytes) {
        std::string text = "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(8000, 'a') +
                           "\r\nB: " + std::string(8000, 'b') + "\r\nC: ";
        return text + std::string(bytes - text.size() - 4, 'c') + "\r\n\r\n";
    };
    CHECK(refusal_of(head(kRequestHeadBytesMax)) == 0);
    CHECK(refusal_of(head(kRequestHeadBytesMax + 1)) == 431);
    CHECK(refusal_of(head(kRequestHeadBytesMax + 2)) == 431);
}

TEST_CASE("the number of headers has a limit", "[request_reader]") {
    std::string headers;
    for (std::size_t i = 1; i < kRequestHeadersMax; ++i) {
        headers += "A: b\r\n";
    }
    CHECK(refusal_of("GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n") == 0);
    CHECK(refusal_of("GET / HTTP/1.1\r\nHost: a\r\n" + headers + "A: b\r\n\r\n") == 431);
}

TEST_CASE("empty lines before a request count for its head", "[request_reader]") {
    std::string lines;
    for (std::size_t i = 0; i < kRequestHeadBytesMax; ++i) {
        lines += "\r\n";
    }
    CHECK(refusal_of(lines) == 431);
}

TEST_CASE("Content-Length must be one plain number within the limit", "[request_reader]") {
    CHECK(refusal_of(with_header("Content-Length: ")) == 400);
    CHECK(refusal_of(with_header("Content-Length: x")) == 400);
    CHECK(refusal_of(with_header("Content-Length: -1")) == 400);
    CHECK(refusal_of(with_header("Content-Length: +1")) == 400);
    CHECK(refusal_of(with_header("Content-Length: 1 2")) == 400);
    CHECK(refusal_of(with_header("Content-Length: 1, 1")) == 400);
    CHECK(refusal_of(with_header("Content-Length: %31")) == 400);
    CHECK(refusal_of(with_header("Content-Length: 0x1")) == 400);
    CHECK(refusal_of(with_header("Content-Length: 0\r\nContent-Length: 0")) == 400);
    CHECK(refusal_of(with_header("CONTENT-LENGTH: 1048577")) == 413);
    CHECK(refusal_of(with_header("Content-Length: 4294967296")) == 413);
    CHECK(refusal_of(with_header("Content-Length: " + std::string(200, '9'))) == 413);
    CHECK(refusal_of(with_header("Content-Length: 1048576")) == 0);
    CHECK(refusal_of(with_header("Content-Length:\t0 ")) == 0);
}

TEST_CASE("compressed bodies are refused", "[request_reader]") {
    CHECK(refusal_of(with_header("Content-Encoding: gzip")) == 415);
    CHECK(refusal_of(with_header("Content-Encoding: Identity")) == 0);
}

const std::string kChunkedHead = with_header("Transfer-Encoding: chunked");

TEST_CASE("chunks count, and the request ends with the empty line behind them",
          "[request_reader]") {
    const std::string body = "3;x\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n";
    const std::string request = kChunkedHead + body;
    std::size_t used = 0;
    const Outcome outcome = read_byte_by_byte(request + "GET", used);
    CHECK(outcome.verdict == Verdict::kComplete);
    CHECK(outcome.length == request.size());
    CHECK(used == request.size());
    CHECK(join_chunks(request, kChunkedHead.size()) == kChunkedHead + "abcde");
}

TEST_CASE("each further chunk asks again whether a route takes so much", "[request_reader]") {
    RequestReader reader;
    std::string so_far = kChunkedHead;
    const auto wish = [&](const std::string& more) {
        so_far += more;
        CHECK(reader.read(so_far).verdict == Verdict::kNeedMore);
        const bool asks = reader.take_body_wish();
        CHECK_FALSE(reader.take_body_wish());
        return asks ? reader.body_bytes() : 0;
    };
    CHECK(wish("") == 1); // it is not empty for sure
    CHECK(reader.head_bytes() == kChunkedHead.size());
    CHECK(wish("3") == 0);
    CHECK(wish("\r\n") == 3);
    CHECK(wish("abc\r\n") == 0);
    CHECK(wish("1\r\nd\r\n10\r\n") == 20);
    CHECK(reader.is_chunked());
}

TEST_CASE("chunks have limits", "[request_reader]") {
    const auto chunks_of = [](const std::string& chunk, std::size_t count) {
        std::string bytes = kChunkedHead;
        for (std::size_t i = 0; i < count; ++i) {
            bytes += chunk;
        }
        return bytes + "0\r\n\r\n";
    };
    // The body: 16 times 64 KiB.
    const std::string large = "10000\r\n" + std::string(65'536, 'x') + "\r\n";
    static_assert(kRequestBodyBytesMax == 16 * 65'536);
    CHECK(read_whole(chunks_of(large, 16)).verdict == Verdict::kComplete);
    CHECK(read_whole(chunks_of(large, 17)).status == 413);
    std::string one_more = chunks_of(large, 16);
    one_more.replace(one_more.size() - 5, 5, "1\r\n");
    CHECK(read_whole(one_more).status == 413);
    // What the chunks add: a small one has five bytes of its own, the end has five.
    const std::size_t most = (kChunkFramingBytesMax - 5) / 5;
    CHECK(read_whole(chunks_of("1\r\nx\r\n", most)).verdict == Verdict::kComplete);
    CHECK(read_whole(chunks_of("1\r\nx\r\n", most + 1)).status == 413);
    // Trailers count as headers.
    std::string trailers = kChunkedHead + "0\r\n";
    for (std::size_t i = 2; i < kRequestHeadersMax; ++i) {
        trailers += "A: b\r\n";
    }
    CHECK(refusal_of(trailers + "\r\n") == 0);
    CHECK(refusal_of(trailers + "A: b\r\n\r\n") == 431);
}

TEST_CASE("a client that waits for 100 Continue before its chunks gets it once",
          "[request_reader]") {
    const std::string head = with_header("Expect: 100-continue\r\nTransfer-Encoding: chunked");
    RequestReader reader;
    CHECK(reader.read(head).verdict == Verdict::kNeedMore);
    CHECK(reader.take_continue_wish());
    CHECK(reader.read(head + "1\r\n").verdict == Verdict::kNeedMore);
    CHECK_FALSE(reader.take_continue_wish());
}

TEST_CASE("a client that waits for 100 Continue gets it once", "[request_reader]") {
    const std::string head = with_header("Expect: 100-Continue\r\nContent-Length: 2");
    RequestReader reader;
    CHECK(reader.read(head.substr(0, 20)).verdict == Verdict::kNeedMore);
    CHECK_FALSE(reader.take_continue_wish());
    CHECK(reader.read(head).verdict == Verdict::kNeedMore);
    CHECK(reader.take_continue_wish());
    CHECK_FALSE(reader.take_continue_wish());
    CHECK(reader.read(head + "ab").verdict == Verdict::kComplete);
}

TEST_CASE("an HTTP/1.0 client does not get 100 Continue", "[request_reader]") {
    RequestReader reader;
    const auto outcome =
        reader.read("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(outcome.verdict == Verdict::kNeedMore);
    CHECK_FALSE(reader.take_continue_wish());
}

TEST_CASE("property: random chunks of mutated requests give the same result as one read",
          "[request_reader]") {
    const auto seed = GENERATE(11U, 12U, 13U);
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::string base =
        GENERATE("\r\nPOST /test/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
                 "Expect: 100-continue\r\n\r\n0123456789GET / HTTP/1.0\r\n\r\n",
                 "POST /test/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5;a=\"b\"\r\n01234\r\n5\r\n56789\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.0");
    for (int round = 0; round < 5000; ++round) {
        std::string bytes = base;
        for (auto i = random() % 4; i > 0; --i) {
            bytes[random() % bytes.size()] =
                random() % 2 == 0 ? "\r\n :\t0"[random() % 6] : static_cast<char>(random());
        }
        bytes.resize(random() % (bytes.size() + 1));
        const Outcome whole = read_whole(bytes);
        RequestReader reader;
        Outcome chunked;
        for (std::size_t used = 0; used < bytes.size() && chunked.verdict == Verdict::kNeedMore;) {
            used = std::min(bytes.size(), used + 1 + random() % 20);
            chunked = reader.read(std::string(bytes, 0, used));
        }
        CAPTURE(round, bytes);
        REQUIRE(chunked.verdict == whole.verdict);
        REQUIRE(chunked.length == whole.length);
        REQUIRE(chunked.status == whole.status);
        REQUIRE(whole.length <= bytes.size());
        if (whole.verdict == Verdict::kComplete && reader.is_chunked()) {
            const std::string joined =
                join_chunks(bytes.substr(0, whole.length), reader.head_bytes());
            REQUIRE(joined.size() - reader.head_bytes() ==
                    (joined.size() == reader.head_bytes() ? 0 : reader.body_bytes()));
        }
    }
}

} // namespace
} // namespace zcomet::http::request_reader_test
