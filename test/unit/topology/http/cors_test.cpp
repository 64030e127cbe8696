// Goal: pages of allowed origins, and of no other, may read answers; without origins nothing
// changes.
#include "topology/http/cors.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace zcomet::http::cors_test {
namespace {

constexpr const char* kPage = "https://page.example";

struct Fixture {
    explicit Fixture(std::vector<std::string> origins) : cors(std::move(origins)) {
        front.allow_origins(cors);
    }
    Answer ask(const std::string& method_and_target, const std::string& headers = "") {
        return front.handle(method_and_target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n",
                            [](std::size_t, const Request& request) {
                                Reply reply;
                                reply.text = "x";
                                reply.body = request.rest.empty() ? Reply::Body::kWhole
                                                                  : Reply::Body::kChunked;
                                return reply;
                            });
    }

    Cors cors;
    HttpFront front{{{.method = "GET", .path = "/stream/*", .has_constant_head = true},
                     {.method = "GET", .path = "/page"},
                     {.method = "POST", .path = "/post"}}};
};

bool has(const Answer& answer, const std::string& line) {
    return answer.bytes.find("\r\n" + line + "\r\n") != std::string::npos;
}

std::string from(const std::string& origin) {
    return "Origin: " + origin + "\r\n";
}

TEST_CASE("a page of an allowed origin may read, with its cookies", "[cors]") {
    Fixture fixture({kPage, "https://other.example:8443"});
    for (const std::string target : {"GET /page", "GET /stream/1"}) {
        CAPTURE(target);
        const Answer answer = fixture.ask(target, from(kPage));
        CHECK(answer.status == 200);
        CHECK(has(answer, std::string("Access-Control-Allow-Origin: ") + kPage));
        CHECK(has(answer, "Access-Control-Allow-Credentials: true"));
        CHECK(has(answer,
                  "Access-Control-Expose-Headers: Retry-After, Zcomet-Cursor, Last-Event-ID, "
                  "Mercure-Last-Event-ID"));
        CHECK(has(answer, "Vary: Origin"));
    }
}

TEST_CASE("a page of another origin may not, and caches are told why", "[cors]") {
    Fixture fixture({kPage});
    for (const std::string target : {"GET /page", "GET /stream/1"}) {
        for (const std::string& headers :
             {std::string(), from("https://evil.example"), from("null"),
              from("https://page.example.evil.example"), from("http://page.example")}) {
            CAPTURE(target, headers);
            const Answer answer = fixture.ask(target, headers);
            CHECK(answer.status == 200);
            CHECK(answer.bytes.find("Access-Control") == std::string::npos);
            CHECK(has(answer, "Vary: Origin"));
        }
    }
}

TEST_CASE("with * every page may read, without its cookies", "[cors]") {
    Fixture fixture({"*"});
    const Answer answer = fixture.ask("GET /stream/1", from("https://any.example"));
    CHECK(has(answer, "Access-Control-Allow-Origin: *"));
    CHECK(answer.bytes.find("Credentials") == std::string::npos);
    CHECK(answer.bytes.find("Vary") == std::string::npos);
    CHECK(fixture.ask("GET /stream/1").bytes.find("Access-Control") == std::string::npos);
}

TEST_CASE("the answer to a page is not kept for the next", "[cors]") {
    Fixture fixture({kPage});
    CHECK(has(fixture.ask("GET /stream/1", from(kPage)),
              std::string("Access-Control-Allow-Origin: ") + kPage));
    CHECK(fixture.ask("GET /stream/1").bytes.find("Access-Control") == std::string::npos);
    CHECK(has(fixture.ask("GET /stream/1", from(kPage)),
              std::string("Access-Control-Allow-Origin: ") + kPage));
}

TEST_CASE("a browser may ask beforehand", "[cors]") {
    Fixture fixture({kPage});
    const std::string wish = "Access-Control-Request-Method: GET\r\n"
                             "Access-Control-Request-Headers: authorization,last-event-id\r\n";
    const Answer answer = fixture.ask("OPTIONS /stream/1", from(kPage) + wish);
    CHECK(answer.status == 204);
    CHECK(has(answer, std::string("Access-Control-Allow-Origin: ") + kPage));
    CHECK(has(answer, "Access-Control-Allow-Methods: GET"));
    CHECK(has(answer, "Access-Control-Allow-Headers: authorization,last-event-id"));
    CHECK(has(answer, "Access-Control-Max-Age: 600"));
    CHECK(answer.keeps_connection);

    CHECK(fixture.ask("OPTIONS /stream/1", from("https://evil.example") + wish).status == 403);
    CHECK(fixture.ask("OPTIONS /nothing", from(kPage) + wish).status == 404);
    CHECK(fixture.ask("OPTIONS /post", from(kPage) + wish).status == 404); // no GET there
    CHECK(fixture.ask("OPTIONS *", from(kPage) + wish).status == 404);
}

TEST_CASE("without origins OPTIONS is not known", "[cors]") {
    HttpFront front(std::vector<Pattern>{{.method = "GET", .path = "/page"}});
    const Answer answer = front.handle("OPTIONS /page HTTP/1.1\r\nHost: a\r\n\r\n",
                                       [](std::size_t, const Request&) { return Reply{}; });
    CHECK(answer.status == 501);
}

TEST_CASE("what is an origin", "[cors]") {
    for (const std::string text :
         {"https://a.example", "http://127.0.0.1:8000", "http://[::1]:1", "app://local", "*"}) {
        CAPTURE(text);
        CHECK(why_no_origin(text).empty());
    }
    for (const std::string text : {"", "a.example", "https://", "://a", "https://a/", "https://A.b",
                                   "https://a.example/x", "https://*.example", "null"}) {
        CAPTURE(text);
        CHECK_FALSE(why_no_origin(text).empty());
    }
}

} // namespace
} // namespace zcomet::http::cors_test
