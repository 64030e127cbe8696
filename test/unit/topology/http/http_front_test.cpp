// Goal: complete requests in, exact answers out, with routes that the test defines.
#include "test/support/http_head.hpp"
#include "topology/http/cors.hpp"
#include "topology/http/headers.hpp"
#include "topology/http/http_front.hpp"
#include "topology/http/page_guard.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>

namespace zcomet::http::http_front_test {
namespace {

std::string request_of(const std::string& method_and_target, const std::string& headers = "",
                       const std::string& version = "HTTP/1.1") {
    return method_and_target + ' ' + version + "\r\nHost: a\r\n" + headers + "\r\n";
}

std::string body_of(const Answer& answer) {
    return answer.bytes.substr(answer.bytes.find("\r\n\r\n") + 4);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Reply text_reply(std::string text) {
    Reply reply;
    reply.text = std::move(text);
    return reply;
}

Pages make_pages() {
    return Pages({
        {"GET", "/hello/*",
         [](const Request& request) {
             return text_reply("hello " + std::string(request.rest) + " of " +
                               std::string(request.header("HOST")));
         }},
        {"GET", "/stats",
         [](const Request&) {
             Reply reply = text_reply("{}");
             reply.type = "application/json";
             reply.headers = {{"Cache-Control", "no-store"}};
             return reply;
         }},
        {"POST", "/echo",
         [](const Request& request) { return text_reply(std::string(request.body)); }},
        {"GET", "/throws", [](const Request&) -> Reply { throw std::runtime_error("secret"); }},
    });
}

TEST_CASE("a page is answered with its headers, and the connection is kept", "[http_front]") {
    Pages pages = make_pages();
    const Answer answer = pages.handle(request_of("GET /stats?pretty"));
    CHECK(test::head_lines(answer.bytes) ==
          std::vector<std::string>{
              "HTTP/1.1 200 OK", "Cache-Control: no-store", "Content-Length: 2",
              "Content-Type: application/json", "Cross-Origin-Resource-Policy: same-origin",
              std::string("Server: zcomet/") + ZCOMET_VERSION, "X-Content-Type-Options: nosniff"});
    CHECK(body_of(answer) == "{}");
    CHECK(answer.status == 200);
    CHECK(answer.keeps_connection);
    CHECK_FALSE(pages.handle(request_of("GET /stats", "", "HTTP/1.0")).keeps_connection);
    CHECK_FALSE(pages.handle(request_of("GET /stats", "Connection: close\r\n")).keeps_connection);
    const Answer head = pages.handle(request_of("HEAD /stats"));
    CHECK(test::head_lines(head.bytes) == test::head_lines(answer.bytes));
    CHECK(body_of(head).empty());
}

TEST_CASE("a route sees the decoded path, the headers and the body", "[http_front]") {
    Pages pages = make_pages();
    CHECK(body_of(pages.handle(request_of("GET /hello/y%6Fu?a=b", "Range: bytes=0-1\r\n"))) ==
          "hello you of a");
    CHECK(body_of(pages.handle(request_of("GET /hello/"))) == "hello  of a");
    // The library would read a multipart body with a regular expression.
    const std::string multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    const std::string body =
        "--b\r\nContent-Disposition: " + std::string(500'000, 'x') + "\r\n\r\n";
    const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
    CHECK(body_of(pages.handle(request_of("POST /echo", multipart + length) + body)) == body);
}

TEST_CASE("a request without a route is 404, and the connection is kept", "[http_front]") {
    Pages pages = make_pages();
    const std::string target = GENERATE("GET /stats/", "POST /stats", "GET /echo", "GET /hello",
                                        "POST /hello/you", "HEAD /");
    CAPTURE(target);
    const Answer answer = pages.handle(request_of(target, "Content-Length: 0\r\n"));
    CHECK(answer.status == 404);
    CHECK(answer.keeps_connection);
    CHECK(pages.handle(request_of("GET /" + std::string(8100, 'x'))).status == 404);
}

TEST_CASE("a route that throws is answered with 500, without the reason", "[http_front]") {
    Pages pages = make_pages();
    const Answer answer = pages.handle(request_of("GET /throws"));
    CHECK(answer.status == 500);
    CHECK_FALSE(answer.keeps_connection);
    CHECK_FALSE(contains(answer.bytes, "secret"));
}

TEST_CASE("an error has a sentence with details, if there is one", "[http_front]") {
    Pages pages({{"GET", "/bad", [](const Request&) { return error_reply(400, "it is bad"); }}});
    const Answer answer = pages.handle(request_of("GET /bad"));
    CHECK(body_of(answer) == "400 Bad Request: it is bad\n");
    CHECK(answer.status == 400);
    CHECK_FALSE(answer.keeps_connection);
}

TEST_CASE("a constant head is the one that the library would write", "[http_front]") {
    HttpFront front({{.method = "GET", .path = "/s/*", .has_constant_head = true}});
    int calls = 0;
    const auto respond = [&calls](std::size_t, const Request& request) {
        ++calls;
        if (request.rest == "throws") {
            throw std::runtime_error("secret");
        }
        if (request.rest.empty()) {
            return error_reply(400, "empty");
        }
        Reply reply;
        reply.type = "text/html";
        reply.body = request.is_http_1_0() ? Reply::Body::kBare : Reply::Body::kChunked;
        return reply;
    };
    const Answer first = front.handle(request_of("GET /s/1"), respond);
    const Answer second = front.handle(request_of("GET /s/2"), respond);
    const Answer of_library = front.handle(request_of("GET /s/2?a"), respond);
    CHECK(calls == 3);
    CHECK(contains(first.bytes, "\r\nTransfer-Encoding: chunked\r\n"));
    for (const Answer& answer : {second, of_library}) {
        CHECK(test::head_lines(answer.bytes) == test::head_lines(first.bytes));
        CHECK(answer.bytes.size() == first.bytes.size());
        CHECK(answer.status == first.status);
        CHECK(answer.keeps_connection == first.keeps_connection);
    }
    const Answer error = front.handle(request_of("GET /s/"), respond);
    CHECK(body_of(error) == "400 Bad Request: empty\n");
    CHECK(calls == 4);
    CHECK(front.handle(request_of("GET /s/throws"), respond).status == 500);
    const Answer bare = front.handle(request_of("GET /s/1", "", "HTTP/1.0"), respond);
    CHECK_FALSE(contains(bare.bytes, "Transfer-Encoding"));
    CHECK(contains(bare.bytes, "\r\nConnection: close\r\n"));
    CHECK(test::head_lines(front.handle(request_of("GET /s/3"), respond).bytes) ==
          test::head_lines(first.bytes));
}

TEST_CASE("errors for requests that never became complete", "[http_front]") {
    const std::string timeout = error_answer(408);
    const std::string server = "Server: zcomet/" ZCOMET_VERSION;
    CHECK(test::head_lines(timeout) ==
          std::vector<std::string>{"HTTP/1.1 408 Request Timeout", "Connection: close",
                                   "Content-Length: 20", "Content-Type: text/plain; charset=utf-8",
                                   "Cross-Origin-Resource-Policy: same-origin", server,
                                   "X-Content-Type-Options: nosniff"});
    CHECK(timeout.substr(timeout.find("\r\n\r\n") + 4) == "408 Request Timeout\n");
    const std::string to_head = error_answer(408, true);
    CHECK(test::head_lines(to_head) == test::head_lines(timeout));
    CHECK(to_head.ends_with("\r\n\r\n"));
    const int status = GENERATE(400, 413, 414, 415, 431, 500, 501, 503, 505);
    const std::string answer = error_answer(status);
    CHECK(answer.rfind("HTTP/1.1 " + std::to_string(status) + ' ', 0) == 0);
    CHECK_FALSE(contains(answer, std::to_string(status) + " Error"));
}

TEST_CASE("a later answer equals the one that would have been given at once", "[http_front]") {
    const std::string request =
        request_of(GENERATE("GET /", "HEAD /"),
                   GENERATE("", "Connection: close\r\n", "Connection: keep-alive\r\n"),
                   GENERATE("HTTP/1.1", "HTTP/1.0"));
    Reply reply = text_reply(GENERATE("", "some text\n"));
    reply.status = GENERATE(200, 202, 404, 400, 500, 503, 504);
    reply.headers = {{"X-B", "1"}, {"Cache-Control", "no-store"}, {"ETag", "e"}};
    CAPTURE(request, reply.text, reply.status);
    HttpFront front(std::vector<Pattern>{{.method = "GET", .path = "/"}});
    const Answer at_once =
        front.handle(request, [&reply](std::size_t, const Request&) { return reply; });
    const Answer not_yet =
        front.handle(request, [](std::size_t, const Request&) { return Reply{}; });
    const Answer later = late_answer(reply, not_yet.form);
    auto later_head = test::head_lines(later.bytes);
    auto head = test::head_lines(at_once.bytes);
    later_head.erase(later_head.begin());
    head.erase(head.begin());
    CHECK(later_head == head);
    CHECK(body_of(later) == body_of(at_once));
    CHECK(later.bytes.substr(0, 13) ==
          at_once.bytes.substr(0, 13)); // a reason may have other words
    CHECK(later.status == at_once.status);
    CHECK(later.keeps_connection == at_once.keeps_connection);
}

/// The lines of an answer's head, of the first one only "HTTP/1.1 413".
std::vector<std::string> without_reason(const std::string& answer) {
    auto lines = test::head_lines(answer);
    lines.front().resize(std::string("HTTP/1.1 413").size());
    return lines;
}

TEST_CASE("a POST is answered alike with the library and without it", "[http_front]") {
    const std::string headers =
        GENERATE("Content-Length: 2\r\n", "content-length: 2\r\nConnection: a, Close\r\n",
                 "Content-Length: 2\r\nOrigin: https://shop.example\r\n",
                 "Content-Length: 2\r\nOrigin: https://other.example\r\n");
    const Keeping keeping = GENERATE(Keeping::kAsAsked, Keeping::kNever);
    const int status = GENERATE(200, 202, 404, 429, 500);
    CAPTURE(headers, status);
    HttpFront front({{.method = "POST", .path = "/send/*", .body_bytes_max = 10}}, keeping);
    const Cors cors({"https://shop.example"});
    PageGuard guard;
    guard.use(host::HostNames({"a"}));
    guard.allow_only({"https://shop.example"});
    if (GENERATE(true, false)) {
        front.allow_origins(cors);
    }
    if (GENERATE(true, false)) {
        front.guard(guard);
    }
    std::vector<std::string> seen;
    const auto respond = [&](std::size_t, const Request& request) {
        seen.push_back(std::string(request.method) + ' ' + std::string(request.path) + ' ' +
                       std::string(request.rest) + ' ' + std::string(request.version) + ' ' +
                       std::string(request.body));
        Reply reply = text_reply(status == 202 ? "" : "some text\n");
        reply.status = status;
        reply.headers = {{"Retry-After", "1"}};
        return reply;
    };
    const Answer without = front.handle(request_of("POST /send/7", headers) + "hi", respond);
    const Answer with = front.handle(request_of("POST /send/%37", headers) + "hi", respond);
    CHECK(without_reason(without.bytes) == without_reason(with.bytes));
    CHECK(body_of(without) == body_of(with));
    CHECK(without.status == with.status);
    CHECK(without.keeps_connection == with.keeps_connection);
    const bool is_refused = with.status == 403;
    CHECK(seen == (is_refused ? std::vector<std::string>{}
                              : std::vector<std::string>(2, "POST /send/7 7 HTTP/1.1 hi")));
    const std::size_t bytes = GENERATE(std::size_t{2}, std::size_t{11});
    const auto refusal = front.refuse_body(request_of("POST /send/7", headers), bytes);
    const auto refusal_with = front.refuse_body(request_of("POST /send/%37", headers), bytes);
    CHECK(refusal.has_value() == (is_refused || bytes == 11));
    CHECK(refusal.has_value() == refusal_with.has_value());
    if (refusal && refusal_with) {
        // A reason may have other words.
        CHECK(without_reason(refusal->bytes) == without_reason(refusal_with->bytes));
        CHECK(body_of(*refusal) == body_of(*refusal_with));
    }
}

TEST_CASE("headers are found by name, up to the empty line", "[headers]") {
    const std::string head = "GET / HTTP/1.1\r\nHost: a:80\r\nX-A:\t b c \r\nEmpty:\r\n\r\nLate: d";
    CHECK(header_in(head, "host") == "a:80");
    CHECK(header_in(head, "x-a") == "b c");
    CHECK(header_in(head, "empty").empty());
    CHECK(header_in(head, "late").empty());
    CHECK(header_in("", "host").empty());
    CHECK(says_connection_close("GET / HTTP/1.1\r\nConnection: TE , CLOSE\r\n\r\n"));
    CHECK_FALSE(says_connection_close("GET / HTTP/1.1\r\nX-Connection: close\r\n\r\n"));
    CHECK_FALSE(says_connection_close("GET / HTTP/1.1\r\n\r\nConnection: close\r\n"));
    CHECK(list_has("a, b ,C", "c"));
    CHECK_FALSE(list_has("a, bc", "c"));
    CHECK(hidden_from_library("range: bytes=0-1\r\n"));
    CHECK(hidden_from_library("Content-Type: Multipart/form-data\r\n"));
    CHECK_FALSE(hidden_from_library("Content-Type: text/plain\r\n"));
}

} // namespace
} // namespace zcomet::http::http_front_test
