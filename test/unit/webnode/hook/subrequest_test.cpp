// Goal: a hook hears what the client has said, and nothing that a client can make up of ours.
#include "topology/wire/owned_ids.hpp"
#include "webnode/hook/subrequest.hpp"
#include "webnode/hook/url.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::webnode::hook {
namespace {

std::string request(const std::string& headers, const std::string& target = "/events/a?since=1") {
    return "GET " + target + " HTTP/1.1\r\nHost: comet.example\r\n" + headers + "\r\n";
}

wire::OwnedIds ids(const std::vector<std::string>& list) {
    wire::OwnedIds ids;
    for (const std::string& id : list) {
        ids.add(id);
    }
    return ids;
}

std::string told(const std::string& headers, const std::string& target = "/events/a?since=1") {
    const wire::OwnedIds list = ids({"a", "b"});
    return subrequest(request(headers, target), list.list(),
                      read_url("http://127.0.0.1:9000/may?x=1").value());
}

TEST_CASE("addresses of hooks", "[hook]") {
    const Url url = read_url("http://auth.example/may?x=1").value();
    CHECK(url.where.host == "auth.example");
    CHECK(url.where.port == 80);
    CHECK(url.authority == "auth.example");
    CHECK(url.target == "/may?x=1");
    CHECK(read_url("http://[::1]:8080").value().where.host == "::1");
    CHECK(read_url("http://[::1]:8080").value().where.port == 8080);
    CHECK(read_url("http://a:1").value().target == "/");
    CHECK(read_url("http://a?b").value().target == "/?b");
    for (const char* const text :
         {"", "http://", "a:80", "ftp://a", "http:///a", "http://u:p@a/", "http://a:0",
          "http://a:65536", "http://a/#b", "http://a/b c", "http://a/\r\nX: y", "http://a/%zz"}) {
        CAPTURE(text);
        CHECK_FALSE(read_url(text).ok());
    }
    CHECK(read_url("https://a/").error().text.find("http://") != std::string::npos);
}

TEST_CASE("what a hook is asked", "[hook]") {
    CHECK(told("Cookie: session=1\r\nAuthorization: Bearer x\r\nUser-Agent: curl\r\n") ==
          "GET /may?x=1 HTTP/1.1\r\n"
          "Host: 127.0.0.1:9000\r\n"
          "X-Original-URI: /events/a?since=1\r\n"
          "Zcomet-Id: a\r\n"
          "Zcomet-Id: b\r\n"
          "Cookie: session=1\r\n"
          "Authorization: Bearer x\r\n"
          "User-Agent: curl\r\n"
          "\r\n");
    CHECK(told("", "http://h/lines?id=a&token=t").find("X-Original-URI: /lines?id=a&token=t\r\n") !=
          std::string::npos);
}

TEST_CASE("headers that a hook is not told", "[hook]") {
    const std::string bare = told("");
    for (const std::string line :
         {"Connection: keep-alive", "Keep-Alive: 5", "TE: trailers", "Upgrade: websocket",
          "Transfer-Encoding: chunked", "Content-Length: 5", "Content-Type: a/b", "Expect: 100",
          "Range: bytes=0-", "If-None-Match: x", "Proxy-Authorization: x", "zcomet-id: root",
          "Zcomet-Anything: x", "Zcomet_Id: root", "x-original-uri: /", "X_Original_URI: /",
          "HOST: evil"}) {
        CAPTURE(line);
        CHECK(told(line + "\r\n") == bare);
    }
    CHECK(told("Connection: close, X-Hop\r\nX-Hop: 1\r\n") == bare);
}

TEST_CASE("an answer is remembered by credential and ids", "[hook]") {
    const auto key = [](const std::string& headers, const std::vector<std::string>& list = {"a"},
                        const std::string& target = "/events/a") {
        const wire::OwnedIds owned = ids(list);
        return cache_key(request(headers, target), owned.list());
    };
    const CacheKey bare = key("");
    CHECK(key("User-Agent: x\r\nAccept: */*\r\nLast-Event-ID: 5\r\nSec-Fetch-Mode: cors\r\n") ==
          bare);
    CHECK(key("", {"a"}, "/lines?id=a&since=5&wait=1") == bare);
    CHECK(key("", {"a", "b"}) != bare);
    CHECK(key("", {"ab"}) != key("", {"a", "b"}));
    CHECK(key("Cookie: a\r\n") != bare);
    CHECK(key("Cookie: a\r\n") != key("Cookie: b\r\n"));
    CHECK(key("Authorization: a\r\n") != key("Cookie: a\r\n"));
    CHECK(key("X-Api-Key: a\r\n") != bare);
    CHECK(key("A: bC: d\r\n") != key("A: b\r\nC: d\r\n"));
    CHECK(key("", {"a"}, "/events/a?token=t") != bare);
    CHECK(key("", {"a"}, "/events/a?key=1") != key("", {"a"}, "/events/a?key=2"));
}

} // namespace
} // namespace zcomet::webnode::hook
