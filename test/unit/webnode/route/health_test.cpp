// Goal: what balancers are told, exactly.
#include "webnode/route/routes.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace health_test {

using namespace zcomet;
using namespace zcomet::webnode;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

struct Node final : request::Readiness {
    std::string_view no_streams;
    std::string_view not_ready;
    std::string_view why_no_streams() const override { return no_streams; }
    std::string_view why_not_ready() const override { return not_ready; }
};

struct Fixture {
    Node node;
    request::Routes routes{route::routes(), 1};

    http::Answer ask(const std::string& method_and_target) {
        routes.set_readiness(node);
        request::Outcome outcome;
        return routes.handle(method_and_target + " HTTP/1.1\r\nHost: a\r\n\r\n", {}, outcome);
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a worker that answers is alive", "[health_route]") {
    node.not_ready = "it is Sunday";
    const http::Answer answer = ask("GET /healthz");
    CHECK_THAT(answer.bytes, StartsWith("HTTP/1.1 200 OK\r\n") && EndsWith("\r\n\r\nalive\n") &&
                                 Contains("\r\nCache-Control: no-store\r\n"));
    CHECK(answer.keeps_connection);
    CHECK_THAT(ask("HEAD /healthz").bytes,
               StartsWith("HTTP/1.1 200 OK\r\n") && EndsWith("\r\n\r\n"));
    CHECK(ask("GET /healthz/").status == 404);
    CHECK(ask("POST /healthz").status == 404);
}

TEST_CASE_METHOD(Fixture, "a worker is ready, or says why not", "[health_route]") {
    CHECK_THAT(ask("GET /readyz").bytes, StartsWith("HTTP/1.1 200 OK\r\n") &&
                                             EndsWith("\r\n\r\nready\n") &&
                                             Contains("\r\nCache-Control: no-store\r\n"));
    node.not_ready = "it is Sunday";
    const http::Answer answer = ask("GET /readyz");
    CHECK(answer.status == 503);
    CHECK_THAT(answer.bytes, Contains("\r\nRetry-After: 5\r\n") &&
                                 EndsWith("\r\n\r\n503 Service Unavailable: it is Sunday\n"));
    const http::Answer head = ask("HEAD /readyz");
    CHECK(head.status == 503);
    CHECK_THAT(head.bytes, EndsWith("\r\n\r\n"));
    CHECK(ask("GET /test/1").status == 200); // it may take streams all the same
}

TEST_CASE_METHOD(Fixture, "a node without streams to give refuses them alone", "[health_route]") {
    node.no_streams = "there is nobody";
    for (const std::string method : {"GET", "HEAD"}) {
        const http::Answer answer = ask(method + " /test/1");
        CHECK(answer.status == 503);
        CHECK_FALSE(answer.keeps_connection);
        CHECK_THAT(answer.bytes, Contains("\r\nRetry-After: 5\r\n"));
        CHECK(answer.bytes.ends_with("503 Service Unavailable: there is nobody\n") ==
              (method == "GET"));
    }
    CHECK(ask("GET /test/+").status == 400);
    CHECK(ask("GET /").status == 404);
    node.no_streams = {};
    CHECK(ask("GET /test/1").status == 200);
}

} // namespace health_test
