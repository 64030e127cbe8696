// Goal: pages of other sites get nothing, whatever name they come by, and change nothing.
#include "topology/http/cors.hpp"
#include "topology/http/page_guard.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::http::page_guard_test {
namespace {

const std::vector<std::string> kPages{"http://localhost:8000", "http://127.0.0.1:8000"};

struct Fixture {
    Fixture() {
        front.allow_origins(cors);
        front.guard(guard);
        guard.use(host::HostNames({"comet.example"}));
    }
    Answer ask(const std::string& method_and_target, const std::string& headers,
               const std::string& version = "HTTP/1.1") {
        return front.handle(method_and_target + " " + version + "\r\n" + headers + "\r\n",
                            [this](std::size_t, const Request& request) {
                                ++served;
                                Reply reply;
                                reply.body = request.rest.empty() ? Reply::Body::kWhole
                                                                  : Reply::Body::kChunked;
                                return reply;
                            });
    }

    Cors cors{kPages};
    PageGuard guard;
    HttpFront front{{{.method = "POST", .path = "/send", .body_bytes_max = 100},
                     {.method = "GET", .path = "/stream/*", .has_constant_head = true}}};
    int served = 0;
};

const std::string kHere = "Host: 127.0.0.1:8008\r\n";
const std::string kElsewhere = "Host: evil.example:8008\r\n";

std::string from(const std::string& origin) {
    return "Origin: " + origin + "\r\n";
}

TEST_CASE("programs and the allowed pages are served", "[page_guard]") {
    Fixture fixture;
    fixture.guard.allow_only(kPages);
    CHECK(fixture.ask("POST /send", kHere).status == 200);
    CHECK(fixture.ask("GET /stream/1", "Host: LocalHost\r\n").status == 200);
    CHECK(fixture.ask("GET /stream/1", "Host: Comet.example.:80\r\n").status == 200);
    for (const std::string& page : kPages) {
        const Answer answer = fixture.ask("POST /send", kHere + from(page));
        CHECK(answer.status == 200);
        CHECK(answer.bytes.find("\r\nAccess-Control-Allow-Origin: " + page + "\r\n") !=
              std::string::npos);
    }
    CHECK(fixture.served == 5);
}

TEST_CASE("a page of another origin is refused before anything is done", "[page_guard]") {
    Fixture fixture;
    fixture.guard.allow_only(kPages);
    for (const std::string origin :
         {"https://evil.example", "null", "http://localhost:8001", "http://localhost",
          "https://localhost:8000", "http://localhost:8000.evil.example", "http://LOCALHOST:8000",
          "http://localhost:80000", "http://evil.example:8008", "*"}) {
        CAPTURE(origin);
        const std::string head = kHere + from(origin);
        for (const std::string target : {"POST /send", "GET /stream/1", "OPTIONS /send"}) {
            const Answer answer = fixture.ask(target, head);
            CHECK(answer.status == 403);
            CHECK(answer.bytes.find("Access-Control") == std::string::npos);
        }
        const auto refused = fixture.front.refuse_body(
            "POST /send HTTP/1.1\r\n" + head + "Content-Length: 5\r\n\r\n", 5);
        REQUIRE(refused);
        CHECK(refused->status == 403);
    }
    CHECK(fixture.served == 0);
}

TEST_CASE("where pages of every origin may ask, none is refused for its origin", "[page_guard]") {
    Fixture fixture;
    CHECK(fixture.ask("POST /send", kHere + from("https://shop.example")).status == 200);
}

TEST_CASE("a name that was pointed to this machine is refused", "[page_guard]") {
    Fixture fixture;
    CHECK(fixture.guard.last_host() == "-");
    for (const std::string target :
         {"GET /stream/1", "GET /stream/%31", "POST /send", "GET /nowhere", "OPTIONS /send",
          "BREW /stream/1", "GET http://evil.example/stream/1"}) {
        CAPTURE(target);
        const Answer answer = fixture.ask(target, kElsewhere);
        CHECK(answer.status == 421);
        CHECK(answer.bytes.starts_with("HTTP/1.1 421 Misdirected Request\r\n"));
        CHECK_FALSE(answer.keeps_connection);
        CHECK(answer.bytes.find("evil") == std::string::npos);
    }
    const Answer head = fixture.ask("HEAD /stream/1", kElsewhere);
    CHECK(head.status == 421);
    CHECK(head.bytes.ends_with("\r\n\r\n"));
    const auto refused = fixture.front.refuse_body(
        "POST /send HTTP/1.1\r\n" + kElsewhere + "Content-Length: 5\r\n\r\n", 5);
    REQUIRE(refused);
    CHECK(refused->status == 421);
    CHECK(fixture.guard.last_host() == "evil.example:8008");
    CHECK(fixture.served == 0);
    CHECK(fixture.ask("GET /stream/1", kHere).status == 200);
}

TEST_CASE("the host of the target goes before the header", "[page_guard]") {
    Fixture fixture;
    CHECK(fixture.ask("GET HTTP://comet.example:80/stream/1", kElsewhere).status == 200);
    CHECK(fixture.ask("GET http://evil.example/stream/1", kHere).status == 421);
    CHECK(host_in("GET / HTTP/1.1\r\nX: Host\r\nhost:  a:1 \r\n\r\n") == "a:1");
    CHECK(host_in("GET http://b?x HTTP/1.1\r\nHost: a\r\n\r\n") == "b");
    CHECK(host_in("GET").empty());
    CHECK(host_in("").empty());
}

TEST_CASE("a request that names no host comes from no browser", "[page_guard]") {
    Fixture fixture;
    CHECK(fixture.ask("GET /stream/1", "", "HTTP/1.0").status != 421);
    CHECK(fixture.ask("GET /stream/1", "Host:\r\n").status == 200);
}

TEST_CASE("names can change while requests come", "[page_guard]") {
    Fixture fixture;
    fixture.guard.use(host::HostNames({"evil.example"}));
    CHECK(fixture.ask("GET /stream/1", kElsewhere).status == 200);
    CHECK(fixture.ask("GET /stream/1", "Host: comet.example\r\n").status == 421);
}

TEST_CASE("a log shows a long name up to a bound", "[page_guard]") {
    Fixture fixture;
    CHECK(fixture.ask("GET /stream/1", "Host: " + std::string(3000, 'a') + "\r\n").status == 421);
    CHECK(fixture.guard.last_host() == std::string(256, 'a'));
}

} // namespace
} // namespace zcomet::http::page_guard_test
