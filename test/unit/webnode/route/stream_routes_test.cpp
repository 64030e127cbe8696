// Goal: each format's route opens a stream of the id in its path, with the head that its clients
// want.
#include "test/support/http_head.hpp"
#include "webnode/route/routes.hpp"
#include "webnode/stream/stream_table.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::route::stream_routes_test {
namespace {

struct Opened {
    http::Answer answer;
    request::Outcome outcome;
};

Opened ask(const std::string& target, const std::string& headers = "",
           const std::string& version = "HTTP/1.1") {
    request::Routes routes(route::routes(), 1);
    Opened opened;
    opened.answer = routes.handle(
        "GET " + target + ' ' + version + "\r\nHost: a\r\n" + headers + "\r\n", {}, opened.outcome);
    return opened;
}

using Ids = std::vector<std::string>;

Ids ids_of(const Opened& opened) {
    Ids ids;
    opened.outcome.ids.list().for_each([&ids](std::string_view id) { ids.emplace_back(id); });
    return ids;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE("each format has its route and its type", "[stream_routes]") {
    struct Case {
        const char* path;
        const char* format;
        const char* type;
    };
    const auto [path, format, type] = GENERATE(values<Case>({
        {"/test/", "comet", "text/html; charset=utf-8"},
        {"/events/", "events", "text/event-stream"},
        {"/lines/", "lines", "application/x-ndjson"},
    }));
    CAPTURE(path);
    for (const std::string version : {"HTTP/1.1", "HTTP/1.0"}) {
        const Opened opened = ask(path + std::string("a:1"), "", version);
        REQUIRE(opened.outcome.format != nullptr);
        CHECK(opened.outcome.format->name() == format);
        CHECK(ids_of(opened) == Ids{"a:1"});
        CHECK((opened.outcome.framing == format::Framing::kChunked) == (version == "HTTP/1.1"));
        CHECK(contains(opened.answer.bytes, std::string("\r\nContent-Type: ") + type + "\r\n"));
        CHECK(contains(opened.answer.bytes, "\r\nCache-Control: no-store\r\n"));
        CHECK(contains(opened.answer.bytes, "\r\nX-Accel-Buffering: no\r\n"));
    }
    const Opened refused = ask(path + std::string("a%20b"));
    CHECK(refused.outcome.format == nullptr);
    CHECK(refused.answer.status == 400);
}

TEST_CASE("a stream may have several ids, each of them once", "[stream_routes]") {
    const std::string path = GENERATE("/events", "/lines");
    const Opened opened = ask(path + "?id=b&since=1-1&id=a%3A1&id=b");
    REQUIRE(opened.outcome.format != nullptr);
    CHECK(opened.answer.status == 200);
    CHECK(ids_of(opened) == Ids{"b", "a:1"});
    CHECK(opened.outcome.beginning.cursor == history::Cursor{1, 1});
    CHECK(ids_of(ask(path + "?id=b")) == Ids{"b"});

    std::string query;
    for (std::size_t i = 0; i < stream::kIdsOfStreamMax; ++i) {
        query += "&id=" + std::to_string(i);
    }
    CHECK(ids_of(ask(path + "?" + query)).size() == stream::kIdsOfStreamMax);
    for (const std::string& bad :
         {path, path + "?id", path + "?id=", path + "?id=a&id=b%20c", path + "?id=more" + query}) {
        CAPTURE(bad);
        CHECK(ask(bad).answer.status == 400);
        CHECK(ask(bad).outcome.format == nullptr);
    }
}

TEST_CASE("only a browser that opens the comet page gets a page first", "[stream_routes]") {
    const std::string accept = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    CHECK(contains(ask("/test/1", accept).outcome.greeting, "<!doctype html>"));
    CHECK(ask("/test/1", "Accept: */*\r\n").outcome.greeting.empty());
    CHECK(ask("/test/1").outcome.greeting.empty());
    CHECK(ask("/lines/1", accept).outcome.greeting.empty());
}

TEST_CASE("an EventSource is told when to come back, each one another time", "[stream_routes]") {
    request::Routes routes(route::routes(), 1);
    std::vector<std::string> greetings;
    for (int i = 0; i < 2; ++i) {
        request::Outcome outcome;
        static_cast<void>(routes.handle("GET /events/1 HTTP/1.1\r\nHost: a\r\n\r\n", {}, outcome));
        CHECK(contains(outcome.greeting, "\r\nretry: "));
        greetings.push_back(outcome.greeting);
    }
    CHECK(greetings[0] != greetings[1]);
}

class NeverReady final : public request::Readiness {
  public:
    [[nodiscard]] std::string_view why_no_streams() const override { return "no broker"; }
    [[nodiscard]] std::string_view why_not_ready() const override { return "no broker"; }
};

TEST_CASE("an EventSource is asked to come back, others get an error", "[stream_routes]") {
    const NeverReady readiness;
    request::Routes routes(route::routes(), 1);
    routes.set_readiness(readiness);
    const auto ask = [&routes](const std::string& target, const std::string& accept) {
        request::Outcome outcome;
        http::Answer answer = routes.handle(
            "GET " + target + " HTTP/1.1\r\nHost: a\r\nAccept: " + accept + "\r\n\r\n", {},
            outcome);
        CHECK(outcome.format == nullptr);
        CHECK(outcome.is_no_stream_now);
        return answer;
    };
    const http::Answer answer = ask("/events/1", "text/event-stream");
    CHECK(answer.status == 200);
    CHECK(contains(answer.bytes, "\r\nContent-Type: text/event-stream\r\n"));
    CHECK(contains(answer.bytes, "\r\n\r\nretry: "));
    for (const std::string path : {"/test/1", "/events/1", "/lines/1"}) {
        const http::Answer error = ask(path, "*/*");
        CHECK(error.status == 503);
        CHECK(contains(error.bytes, "\r\nRetry-After: "));
    }
}

} // namespace
} // namespace zcomet::webnode::route::stream_routes_test
