// Goal: the demo page goes to those whom it is for, may do what it has to and nothing else, and is
// told where it may send.
#include "webnode/route/routes.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

namespace zcomet::webnode::route::demo_test {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

constexpr const char* kApi = "http://127.0.0.1:8008";

Demo demo_for_here() {
    return {.api = kApi, .senders = local_origins("*", 8000)};
}

http::Answer ask(const std::optional<Demo>& demo, const std::string& host,
                 const std::string& target = "GET /") {
    request::Routes routes(route::routes(demo), 1);
    request::Outcome outcome;
    return routes.handle(target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", {}, outcome);
}

std::string header(const http::Answer& answer, const std::string& name) {
    const std::string before = "\r\n" + name + ": ";
    const std::size_t at = answer.bytes.find(before);
    if (at == std::string::npos) {
        return {};
    }
    const std::size_t begin = at + before.size();
    return answer.bytes.substr(begin, answer.bytes.find("\r\n", begin) - begin);
}

/// What the page is told by one of its meta elements.
std::string told(const http::Answer& answer, const std::string& name) {
    const std::string before = "<meta name=\"zcomet-" + name + "\" content=\"";
    const std::size_t begin = answer.bytes.find(before);
    REQUIRE(begin != std::string::npos);
    const std::size_t at = begin + before.size();
    return answer.bytes.substr(at, answer.bytes.find('"', at) - at);
}

std::string nonce_of(const http::Answer& answer) {
    const std::string before = "script-src 'nonce-";
    const std::string policy = header(answer, "Content-Security-Policy");
    const std::size_t at = policy.find(before) + before.size();
    return policy.substr(at, policy.find('\'', at) - at);
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

TEST_CASE("without a demo there is no page", "[demo]") {
    CHECK(ask(std::nullopt, "localhost:8000").status == 404);
}

TEST_CASE("on this machine the page is told where it may send", "[demo]") {
    for (const std::string host : {"localhost:8000", "127.0.0.1:8000", "[::1]:8000"}) {
        CAPTURE(host);
        const http::Answer answer = ask(demo_for_here(), host);
        CHECK(answer.status == 200);
        CHECK(answer.keeps_connection);
        CHECK(header(answer, "Content-Type") == "text/html; charset=utf-8");
        CHECK(header(answer, "Cache-Control") == "no-store");
        CHECK(told(answer, "api") == kApi);
        CHECK(told(answer, "send") == kApi);
        CHECK_THAT(header(answer, "Content-Security-Policy"),
                   Contains(std::string("connect-src 'self' ") + kApi + ";"));
        CHECK_THAT(answer.bytes, EndsWith("</html>\n"));
        CHECK(answer.bytes.find("{{") == std::string::npos);
    }
}

TEST_CASE("scripts and styles are the page's own, with a secret of this answer", "[demo]") {
    const http::Answer answer = ask(demo_for_here(), "localhost:8000");
    const std::string policy = header(answer, "Content-Security-Policy");
    CHECK_THAT(policy, Contains("default-src 'none'") && Contains("frame-ancestors 'none'") &&
                           Contains("form-action 'none'") && Contains("base-uri 'none'"));
    CHECK(policy.find("unsafe") == std::string::npos);
    const std::string nonce = nonce_of(answer);
    CHECK(nonce.size() > 20);
    const std::string attribute = " nonce=\"" + nonce + "\">";
    CHECK(count(answer.bytes, attribute) == 2);
    CHECK(count(answer.bytes, "<script" + attribute) == count(answer.bytes, "<script"));
    CHECK(count(answer.bytes, "<style" + attribute) == count(answer.bytes, "<style"));
    CHECK(count(answer.bytes, "style=") == 0);
    CHECK(nonce_of(ask(demo_for_here(), "localhost:8000")) != nonce);
}

TEST_CASE("under a name that is not this machine's own there is no page", "[demo]") {
    for (const std::string host : {"comet.example", "localhost.evil.example:8000", "10.0.0.1"}) {
        CAPTURE(host);
        CHECK(ask(demo_for_here(), host).status == 404);
        Demo demo = demo_for_here();
        demo.is_for_all = true;
        const http::Answer answer = ask(demo, host);
        CHECK(answer.status == 200);
        CHECK(told(answer, "send").empty()); // its origin is none of those that may
        CHECK(told(answer, "api") == kApi);
        CHECK_THAT(header(answer, "Content-Security-Policy"), Contains("connect-src 'self';"));
    }
    // Another port is another origin, such as that of a tunnel.
    CHECK(told(ask(demo_for_here(), "localhost:9000"), "send").empty());
}

TEST_CASE("where nothing is sent by HTTP the page shows another command", "[demo]") {
    const http::Answer answer = ask(Demo(), "localhost:8000");
    CHECK(told(answer, "api").empty());
    CHECK(told(answer, "send").empty());
}

TEST_CASE("the page may be asked for with an id, or for its head; nothing else is there",
          "[demo]") {
    CHECK(ask(demo_for_here(), "localhost", "GET /?id=123").status == 200);
    CHECK_THAT(ask(demo_for_here(), "localhost", "HEAD /").bytes, EndsWith("\r\n\r\n"));
    CHECK(ask(demo_for_here(), "localhost", "GET /demo").status == 404);
    CHECK(ask(demo_for_here(), "localhost", "POST /").status == 404);
}

TEST_CASE("origins of pages on this machine are written as browsers write them", "[demo]") {
    CHECK(local_origins("127.0.0.1", 8000) ==
          std::vector<std::string>{"http://localhost:8000", "http://127.0.0.1:8000",
                                   "http://[::1]:8000", "http://127.0.0.1:8000"});
    CHECK(local_origins("127.0.0.2", 80) ==
          std::vector<std::string>{"http://localhost", "http://127.0.0.1", "http://[::1]",
                                   "http://127.0.0.2"});
}

} // namespace
} // namespace zcomet::webnode::route::demo_test
