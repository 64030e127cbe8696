// Goal: the HTTP table of the web node, exactly: requests and answers as bytes.
#include "test/support/http_head.hpp"
#include "topology/http/chunks.hpp"
#include "topology/http/request_reader.hpp"
#include "webnode/route/routes.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>

namespace zcomet::webnode::route::comet_test {
namespace {

enum class Next { kClose, kKeepAlive, kPark };

struct Answer {
    std::string bytes;
    int status = 0;
    Next next = Next::kClose;
    std::string id;
    bool chunked = false;
};

class WebFront {
  public:
    Answer handle(const std::string& bytes) {
        request::Outcome outcome;
        const http::Answer answer = routes_.handle(bytes, {}, outcome);
        CHECK_FALSE(outcome.is_later);
        Next next = answer.keeps_connection ? Next::kKeepAlive : Next::kClose;
        if (outcome.format != nullptr) {
            next = Next::kPark;
        }
        std::string id;
        outcome.ids.list().for_each([&id](std::string_view one) { id += one; });
        return {answer.bytes, answer.status, next, id,
                outcome.framing == format::Framing::kChunked};
    }

  private:
    request::Routes routes_{routes(), 1};
};

Answer ask(const std::string& request) {
    WebFront front;
    return front.handle(request);
}

std::string request_of(const std::string& method_and_target, const std::string& headers = "",
                       const std::string& version = "HTTP/1.1") {
    return method_and_target + ' ' + version + "\r\nHost: a\r\n" + headers + "\r\n";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string head_of(const std::string& answer) {
    return answer.substr(0, answer.find("\r\n\r\n") + 4);
}

std::string body_of(const std::string& answer) {
    return answer.substr(head_of(answer).size());
}

const std::string kStreamHead = "HTTP/1.1 200 OK\r\n"
                                "Cache-Control: no-store\r\n"
                                "Content-Type: text/html; charset=utf-8\r\n"
                                "Cross-Origin-Resource-Policy: same-origin\r\n"
                                "Server: zcomet/" ZCOMET_VERSION "\r\n"
                                "Transfer-Encoding: chunked\r\n"
                                "X-Accel-Buffering: no\r\n"
                                "X-Content-Type-Options: nosniff\r\n\r\n";

TEST_CASE("GET /test/<id> parks a stream", "[comet_route]") {
    const Answer answer = ask(request_of("GET /test/123"));
    CHECK(answer.next == Next::kPark);
    CHECK(answer.status == 200);
    CHECK(answer.id == "123");
    CHECK(answer.chunked);
    CHECK(test::head_lines(answer.bytes) == test::head_lines(kStreamHead));
    CHECK(body_of(answer.bytes).empty());
}

TEST_CASE("a plain request for a stream is answered as the library answers it", "[comet_route]") {
    const std::string headers = GENERATE(
        as<std::string>(), "", "Connection: keep-alive\r\n", "Connection: close\r\n",
        "CONNECTION:keep-alive , Close\r\n", "Connection: closed\r\nX: close\r\n",
        "Connection: TE\r\nTE: trailers\r\nConnection: close\r\n", "X-Connection: close\r\n");
    CAPTURE(headers);
    WebFront front;
    const Answer plain = front.handle(request_of("GET /test/123", headers));
    // A query does not matter for the answer, but makes the library look at the request.
    const Answer of_library = front.handle(request_of("GET /test/123?a=b", headers));
    CHECK(test::head_lines(plain.bytes) == test::head_lines(of_library.bytes));
    CHECK(body_of(plain.bytes) == body_of(of_library.bytes));
    CHECK(plain.id == of_library.id);
    CHECK(plain.next == of_library.next);
    CHECK(plain.status == of_library.status);
    CHECK(plain.chunked == of_library.chunked);
}

TEST_CASE("a stream is never compressed, cut up or kept waiting", "[comet_route]") {
    const std::string headers =
        GENERATE(as<std::string>(), "Accept-Encoding: gzip, deflate, br\r\n",
                 "Range: bytes=0-1\r\n", "range: bytes=5-1,garbage\r\n", "Expect: 100-continue\r\n",
                 "If-Range: \"x\"\r\n", "Connection: keep-alive\r\n", "Connection: Upgrade\r\n");
    CAPTURE(headers);
    const Answer answer = ask(request_of("GET /test/123", headers));
    CHECK(answer.next == Next::kPark);
    CHECK(test::head_lines(answer.bytes) == test::head_lines(kStreamHead));
    CHECK(body_of(answer.bytes).empty());
}

TEST_CASE("a client that wants the connection closed gets `Connection: close`", "[comet_route]") {
    const Answer answer = ask(request_of("GET /test/123", "Connection: close\r\n"));
    CHECK(answer.next == Next::kPark);
    CHECK(answer.chunked);
    CHECK(contains(answer.bytes, "\r\nConnection: close\r\n"));
}

TEST_CASE("HEAD /test/<id> has the same head, and logs no id in", "[comet_route]") {
    const Answer answer = ask(request_of("HEAD /test/123"));
    CHECK(answer.next == Next::kKeepAlive);
    CHECK(answer.id.empty());
    CHECK(test::head_lines(answer.bytes) == test::head_lines(kStreamHead));
    CHECK(body_of(answer.bytes).empty());
}

TEST_CASE("an HTTP/1.0 stream has no chunks and ends with the connection", "[comet_route]") {
    const std::string keep_alive = GENERATE("", "Connection: keep-alive\r\n");
    const Answer answer = ask(request_of("GET /test/123", keep_alive, "HTTP/1.0"));
    CHECK(answer.next == Next::kPark);
    CHECK_FALSE(answer.chunked);
    CHECK(answer.id == "123");
    CHECK(contains(answer.bytes, "\r\nConnection: close\r\n"));
    CHECK_FALSE(contains(answer.bytes, "Transfer-Encoding"));
    CHECK_FALSE(contains(answer.bytes, "Content-Length"));
    CHECK(body_of(answer.bytes).empty());

    const Answer head = ask(request_of("HEAD /test/123", keep_alive, "HTTP/1.0"));
    CHECK(head.next == Next::kClose);
    CHECK(test::head_lines(head.bytes) == test::head_lines(answer.bytes));
    CHECK(body_of(head.bytes).empty());
}

TEST_CASE("ids may be percent-encoded, and a query does not matter", "[comet_route]") {
    CHECK(ask(request_of("GET /test/%31%32%33")).id == "123");
    CHECK(ask(request_of("GET /test/a%40b:c~d?x=1&y=<>")).id == "a@b:c~d");
    CHECK(ask(request_of("GET /test/1?a=b?c")).id == "1");
    CHECK(ask(request_of("GET HTTP://host:80/test/1")).id == "1");
    CHECK(ask(request_of("GET /test/" + std::string(64, 'x'))).id == std::string(64, 'x'));
}

TEST_CASE("an invalid id is answered with 400 and a plain sentence", "[comet_route]") {
    const std::string id =
        GENERATE(as<std::string>(), "", "%20", "a/b", "a%2Fb", "%00", "%0A", "%", "%zz", "<script>",
                 "%3Cscript%3E", "\xC3\xBC", "a+b", std::string(65, 'x'), std::string(8000, 'x'));
    CAPTURE(id);
    for (const bool has_body : {true, false}) {
        std::string target = has_body ? "GET /test/" : "HEAD /test/";
        const Answer answer = ask(request_of(target.append(id)));
        CHECK(answer.status == 400);
        CHECK(answer.next == Next::kClose);
        CHECK(answer.bytes.rfind("HTTP/1.1 400 Bad Request\r\n", 0) == 0);
        CHECK(contains(answer.bytes, "\r\nConnection: close\r\n"));
        CHECK(contains(answer.bytes, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
        CHECK_FALSE(contains(answer.bytes, "script"));
        CHECK(contains(body_of(answer.bytes), "400 Bad Request: the id ") == has_body);
    }
}

TEST_CASE("a path without a route is 404, and the connection goes on", "[comet_route]") {
    const std::string target =
        GENERATE("GET /", "HEAD /", "GET /test", "GET /tests/1", "GET /favicon.ico", "POST /",
                 "POST /test/1", "HEAD //test/1");
    CAPTURE(target);
    const Answer answer = ask(request_of(target));
    CHECK(answer.status == 404);
    CHECK(answer.next == Next::kKeepAlive);
    CHECK(answer.bytes.rfind("HTTP/1.1 404 Not Found\r\n", 0) == 0);
    CHECK(contains(answer.bytes, "\r\nContent-Length: 14\r\n"));
    CHECK(body_of(answer.bytes) == (target[0] == 'H' ? "" : "404 Not Found\n"));
    CHECK_FALSE(contains(answer.bytes, "Connection"));
    CHECK_FALSE(contains(answer.bytes, "Keep-Alive"));
}

TEST_CASE("a POST with a body is 404 as well", "[comet_route]") {
    CHECK(ask(request_of("POST /x", "Content-Length: 3\r\n") + "abc").status == 404);
    const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
    CHECK(ask(request_of("POST /x", form + "Content-Length: 7\r\n") + "a=b&c=d").status == 404);
}

TEST_CASE("any other method is 501", "[comet_route]") {
    const std::string method = GENERATE("PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE",
                                        "PRI", "BREW", "get", "Get", "GETX", "HEADER");
    CAPTURE(method);
    const Answer answer = ask(request_of(method + " /test/1"));
    CHECK(answer.status == 501);
    CHECK(answer.next == Next::kClose);
    CHECK(test::head_lines(answer.bytes) == test::head_lines(http::error_answer(501)));
    CHECK(body_of(answer.bytes) == "501 Not Implemented\n");
}

TEST_CASE("keep-alive, as HTTP/1.0 and 1.1 have it", "[comet_route]") {
    struct Case {
        const char* version;
        const char* header;
        bool keeps;
    };
    const auto [version, header, keeps] = GENERATE(values<Case>({
        {"HTTP/1.1", "", true},
        {"HTTP/1.1", "Connection: keep-alive\r\n", true},
        {"HTTP/1.1", "Connection: close\r\n", false},
        {"HTTP/1.1", "connection: Close\r\n", false},
        {"HTTP/1.1", "Connection: Upgrade , CLOSE\r\n", false},
        {"HTTP/1.1", "Connection: Upgrade\r\nConnection: close\r\n", false},
        {"HTTP/1.1", "Connection: enclosed\r\n", true},
        {"HTTP/1.0", "", false},
        {"HTTP/1.0", "Connection: Keep-Alive\r\n", true},
        {"HTTP/1.0", "Connection: close, keep-alive\r\n", false},
    }));
    CAPTURE(version, header);
    const Answer answer = ask(request_of("GET /nothing", header, version));
    CHECK(answer.next == (keeps ? Next::kKeepAlive : Next::kClose));
    CHECK(contains(answer.bytes, "\r\nConnection: close\r\n") == !keeps);
    const bool says_so = keeps && std::string(version) == "HTTP/1.0";
    CHECK(contains(answer.bytes, "\r\nConnection: keep-alive\r\n") == says_so);
}

TEST_CASE("empty lines before a request are skipped", "[comet_route]") {
    CHECK(ask("\r\n\r\n" + request_of("GET /test/1")).id == "1");
}

TEST_CASE("nothing is left over for the next request", "[comet_route]") {
    WebFront front;
    CHECK(front.handle(request_of("GET /test/1")).next == Next::kPark);
    const Answer answer = front.handle(request_of("GET /"));
    CHECK(answer.id.empty());
    CHECK_FALSE(answer.chunked);
    CHECK(answer.status == 404);
}

TEST_CASE("bytes that are not a request are answered with an error", "[comet_route]") {
    for (const std::string bytes : {"", "\r\n", "GET", "GET /", "GET / HTTP/1.1", "garbage\r\n\r\n",
                                    "GET / HTTP/3.0\r\n\r\n", "GET / x / HTTP/1.1\r\n\r\n"}) {
        CAPTURE(bytes);
        const Answer answer = ask(bytes);
        CHECK(answer.status >= 400);
        CHECK(answer.next == Next::kClose);
        CHECK(contains(answer.bytes, "\r\nConnection: close\r\n"));
    }
}

std::string mutated(std::string bytes, std::mt19937& random) {
    static constexpr std::string_view kSpice("\r\n :\t%?&=/#;,0+<\0\x7F\xFF", 19);
    for (auto i = random() % 6; i > 0; --i) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 4) {
        case 0:
            bytes[at] = static_cast<char>(random());
            break;
        case 1:
            bytes.insert(at, 1 + random() % 30, kSpice[random() % kSpice.size()]);
            break;
        case 2:
            bytes.erase(at, 1 + random() % 10);
            bytes += ' ';
            break;
        default:
            bytes[at] = kSpice[random() % kSpice.size()];
        }
    }
    return bytes;
}

TEST_CASE("property: any bytes get one well-formed answer", "[comet_route]") {
    const auto seed = GENERATE(21U, 22U, 23U);
    CAPTURE(seed);
    std::mt19937 random(seed);
    WebFront front;
    const std::string bases[] = {
        request_of("GET /test/12%33?a=b&c", "Accept-Encoding: gzip\r\nRange: bytes=0-5\r\n"),
        request_of("HEAD /test/1", "Connection: close, keep-alive\r\n"),
        request_of("POST /post", "Content-Type: application/x-www-form-urlencoded\r\n"
                                 "Content-Length: 11\r\n") +
            "a=b&c=%41+d",
        request_of("POST /post", "Content-Type: multipart/form-data; boundary=x\r\n"
                                 "Content-Length: 66\r\n") +
            "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--x--\r\n",
    };
    for (int round = 0; round < 4000; ++round) {
        const std::string bytes = mutated(bases[random() % std::size(bases)], random);
        CAPTURE(round, bytes);
        // Both as the worker does it, and without RequestReader in front.
        http::RequestReader reader;
        const auto outcome = reader.read(bytes);
        std::string request = bytes;
        if (outcome.verdict == http::RequestReader::Verdict::kComplete) {
            request.resize(outcome.length);
            if (reader.is_chunked()) {
                request = http::join_chunks(request, reader.head_bytes());
            }
        }
        const Answer answer = front.handle(request);
        REQUIRE(answer.bytes.rfind("HTTP/1.1 ", 0) == 0);
        REQUIRE(contains(answer.bytes, "\r\n\r\n"));
        REQUIRE(answer.status >= 200);
        REQUIRE((answer.next == Next::kPark) == !answer.id.empty());
        if (outcome.verdict == http::RequestReader::Verdict::kComplete) {
            REQUIRE(answer.status != 500);
        }
    }
}

} // namespace
} // namespace zcomet::webnode::route::comet_test
