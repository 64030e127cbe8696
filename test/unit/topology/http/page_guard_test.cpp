// Goal: at an address for this machine only, pages of other sites get nothing, whatever name they
// come by, and change nothing.
#include "topology/http/cors.hpp"
#include "topology/http/page_guard.hpp"
#include "topology/http/target.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::http {
namespace {

const std::vector<std::string> kPages{"http://localhost:8000", "http://127.0.0.1:8000"};

struct Fixture {
    explicit Fixture(Hosts hosts) : guard(kPages, hosts) {
        front.allow_origins(cors);
        front.guard(guard);
    }
    Answer ask(const std::string& method_and_target, const std::string& headers) {
        return front.handle(method_and_target + " HTTP/1.1\r\n" + headers + "\r\n",
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
    Fixture fixture(Hosts::kLoopback);
    CHECK(fixture.ask("POST /send", kHere).status == 200);
    CHECK(fixture.ask("GET /stream/1", "Host: LocalHost\r\n").status == 200);
    for (const std::string& page : kPages) {
        const Answer answer = fixture.ask("POST /send", kHere + from(page));
        CHECK(answer.status == 200);
        CHECK(answer.bytes.find("\r\nAccess-Control-Allow-Origin: " + page + "\r\n") !=
              std::string::npos);
    }
    CHECK(fixture.served == 4);
}

TEST_CASE("a page of another origin is refused before anything is done", "[page_guard]") {
    Fixture fixture(GENERATE(Hosts::kAll, Hosts::kLoopback));
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

TEST_CASE("a name that was pointed to this machine is refused", "[page_guard]") {
    Fixture fixture(Hosts::kLoopback);
    CHECK(fixture.ask("GET /stream/1", kElsewhere).status == 403);
    CHECK(fixture.ask("POST /send", kElsewhere).status == 403);
    CHECK(fixture.served == 0);
    // Where a proxy may stand before the address, only what comes from pages is held to a name.
    Fixture proxied(Hosts::kAll);
    CHECK(proxied.ask("POST /send", kElsewhere).status == 200);
    CHECK(proxied.ask("POST /send", kElsewhere + from(kPages[0])).status == 403);
    CHECK(proxied.served == 1);
}

TEST_CASE("which names are this machine's own", "[page_guard]") {
    for (const std::string name : {"localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1",
                                   "127.1.2.3:80", "[::1]", "[::1]:8000"}) {
        CAPTURE(name);
        CHECK(names_loopback(name));
    }
    for (const std::string name :
         {"", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil.example:80", "127",
          "128.0.0.1", "0.0.0.0", "[::]", "[::2]:80", "evil.example", "a"}) {
        CAPTURE(name);
        CHECK_FALSE(names_loopback(name));
    }
}

} // namespace
} // namespace zcomet::http
