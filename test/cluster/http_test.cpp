// The HTTP front of a real web node, byte by byte. The README describes the routes,
// topology/http/request_reader.hpp the limits. After every bad request the test shows that other
// clients were not affected.
#include "test/support/cluster.hpp"

#include <catch2/catch.hpp>

namespace http_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

struct Answer {
    int status = 0;
    std::string body;
    bool closed = false;
};

/// Sends `bytes` on a new connection, and reads one answer.
Answer answer_to(const wire::HostPort& server, std::string_view bytes) {
    CometClient client(server);
    client.send(bytes);
    Answer answer;
    answer.status = client.await_status().value_or(0);
    answer.body = client.await_body().value_or("");
    answer.closed = client.header("connection") == "close" && client.await_close();
    return answer;
}

std::string request(std::string_view method, std::string_view path) {
    return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n";
}

Cluster one_web_node(std::vector<std::string> options = {}) {
    return Cluster({.web_nodes = 1, .web_node_options = std::move(options)});
}

} // namespace

TEST_CASE(
    "the head of a stream says that it is a page in chunks, and that proxies must not buffer it") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "123");
    CHECK(stream.header("content-type") == "text/html; charset=utf-8");
    CHECK(stream.header("transfer-encoding") == "chunked");
    CHECK(stream.header("cache-control") == "no-store");
    CHECK(stream.header("x-accel-buffering") == "no");
    CHECK(stream.header("x-content-type-options") == "nosniff");
    CHECK_THAT(stream.header("date"), Catch::Matchers::EndsWith(" GMT"));
    CHECK(stream.header("content-length").empty());
    CHECK(cluster.send("123", "hello") == 1);
    REQUIRE(stream.await_chunks(1).size() == 1);
    CHECK(stream.chunks()[0] == comet_chunk(1, "hello"));
}

TEST_CASE("HEAD of a stream has the same head, no body, and logs no id in") {
    Cluster cluster = one_web_node();
    CometClient client(cluster.http(0));
    client.request("HEAD", "/test/123");
    REQUIRE(client.await_status() == 200);
    CHECK(client.header("content-type") == "text/html; charset=utf-8");
    CHECK(client.header("transfer-encoding") == "chunked");
    CHECK(client.header("cache-control") == "no-store");
    // Had the HEAD logged in, the broker would know of that before it knows of this later login.
    CometClient later = cluster.open_stream(0, "later");
    CHECK(cluster.holders("123") == 0);
    client.poll_now();
    CHECK(client.unread().empty());
}

TEST_CASE("a path without a route is 404 for GET, HEAD and POST, and 501 for any other method") {
    Cluster cluster = one_web_node();
    const wire::HostPort& server = cluster.http(0);
    CHECK(answer_to(server, request("GET", "/")).status == 404);
    CHECK(answer_to(server, request("GET", "/testing/123")).status == 404);
    CHECK(answer_to(server, request("POST", "/test/123")).status == 404);
    CHECK(answer_to(server,
                    "POST /test/123 HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Length: 5\r\n\r\nhello")
              .status == 404);
    CometClient head(server);
    head.request("HEAD", "/nothing");
    CHECK(head.await_status() == 404);
    for (const char* method : {"PUT", "DELETE", "PATCH", "OPTIONS", "BREW"}) {
        INFO(method);
        CHECK(answer_to(server, request(method, "/test/123")).status == 501);
    }
}

TEST_CASE("an id out of bounds is 400 with a sentence that does not repeat it") {
    Cluster cluster = one_web_node();
    for (const std::string& id : {std::string(65, 'a'), std::string("a%20b"),
                                  std::string("%3Cscript%3E"), std::string("caf%C3%A9")}) {
        INFO(id);
        const Answer answer = answer_to(cluster.http(0), request("GET", "/test/" + id));
        CHECK(answer.status == 400);
        CHECK(answer.body.size() > 20);
        CHECK(answer.body.find("<script>") == std::string::npos);
    }
    CHECK(CometClient(cluster.http(0)).request("GET", "/test/" + std::string(64, 'a')));
}

TEST_CASE("no page repeats the request as markup") {
    Cluster cluster = one_web_node();
    for (const char* path : {"/<script>alert(1)</script>", "/%3Cscript%3Ealert(1)%3C/script%3E"}) {
        const Answer answer = answer_to(cluster.http(0), request("GET", path));
        CHECK(answer.status >= 400);
        CHECK(answer.body.find("<script>") == std::string::npos);
    }
}

TEST_CASE("a message is escaped for HTML") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "123");
    cluster.send("123", "<b>Tom & 'Jerry' \"quoted\"</b>");
    REQUIRE(stream.await_chunks(1).size() == 1);
    CHECK(stream.chunks()[0] ==
          comet_chunk(1, "&lt;b&gt;Tom &amp; &#39;Jerry&#39; &quot;quoted&quot;&lt;/b&gt;"));
}

TEST_CASE("messages may be empty, in any language, or as long as the protocol allows") {
    Cluster cluster = one_web_node();
    CometClient stream = cluster.open_stream(0, "123");
    const std::vector<std::string> texts{"", "Grüße, 世界", std::string(65536, 'x')};
    for (const std::string& text : texts) {
        CHECK(cluster.send("123", text) == 1);
    }
    REQUIRE(stream.await_chunks(texts.size()).size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        CHECK(stream.chunks()[i] == comet_chunk(i + 1, texts[i]));
    }
}

TEST_CASE("requests that are not HTTP, too long or too many are refused with the right status") {
    Cluster cluster = one_web_node();
    CometClient bystander = cluster.open_stream(0, "bystander");
    const wire::HostPort& server = cluster.http(0);
    const std::string get = "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n";
    const auto status = [&](const std::string& bytes) {
        const Answer answer = answer_to(server, bytes);
        CHECK(answer.closed);
        return answer.status;
    };
    CHECK(status("\x16\x03\x01\x02 not HTTP at all\r\n\r\n") == 400);
    CHECK(status("GET\r\n\r\n") == 400);
    CHECK(status(get + "no colon here\r\n\r\n") == 400);
    CHECK(status(get + "Content-Length: minus\r\n\r\n") == 400);
    CHECK(status("GET / HTTP/9.9\r\nHost: 192.0.2.1\r\n\r\n") == 505);
    CHECK(status("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n") == 414);
    CHECK(status(get + "X-Long: " + std::string(20000, 'a') + "\r\n\r\n") == 431);
    std::string many = get;
    for (int i = 0; i < 200; ++i) {
        many += "X-Header-" + std::to_string(i) + ": 1\r\n";
    }
    CHECK(status(many + "\r\n") == 431);
    CHECK(status("POST / HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Length: 99999999\r\n\r\n") == 413);

    CHECK(cluster.send("bystander", "still here") == 1);
    CHECK(bystander.await_chunks(1).size() == 1);
}

TEST_CASE("a request may come byte by byte, and several on one connection") {
    Cluster cluster = one_web_node();
    CometClient client(cluster.http(0));
    for (const char byte : request("GET", "/nothing")) {
        REQUIRE(client.send({&byte, 1}));
    }
    CHECK(client.await_status() == 404);
    REQUIRE(client.await_body());
    client.next_response();
    client.send(request("GET", "/one") + request("GET", "/test/123"));
    CHECK(client.await_status() == 404);
    REQUIRE(client.await_body());
    client.next_response();
    CHECK(client.await_status() == 200);
    REQUIRE(cluster.await_holders("123", 1));
    cluster.send("123", "after two other requests");
    CHECK(client.await_chunks(1).size() == 1);
}

TEST_CASE("a request that is not complete in time is given up") {
    Cluster cluster = one_web_node({"--request-deadline-ms", "300"});
    CometClient bystander = cluster.open_stream(0, "bystander");
    const Time begin = Clock::now();
    CometClient half(cluster.http(0));
    half.send("GET /test/123 HTTP/1.1\r\nHost: te");
    CometClient half_body(cluster.http(0));
    half_body.send("POST /test/123 HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Length: 100\r\n\r\nhalf");
    CometClient silent(cluster.http(0));
    CHECK(half.await_status() == 408);
    CHECK(Clock::now() - begin >= 250ms);
    CHECK(half.await_close());
    CHECK(half_body.await_status() == 404); // at once: nothing takes the body
    CHECK(silent.await_close());
    // The deadline is for requests: an open stream stays open.
    CHECK(bystander.poll_now());
    CHECK(cluster.send("bystander", "still here") == 1);
    CHECK(bystander.await_chunks(1).size() == 1);
}

} // namespace http_test
