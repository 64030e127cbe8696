// Goal: URLs and source addresses are read as documented, and mistakes are named.
#include "tools/floodtest/flood_target.hpp"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace flood_target_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::floodtest;

namespace {

/// "ADDRESS PORT"
std::string text_of(const net::SocketAddress& address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address.family() == AF_INET6) {
        sockaddr_in6 ipv6{};
        std::memcpy(&ipv6, &address.storage, sizeof(ipv6));
        ::inet_ntop(AF_INET6, &ipv6.sin6_addr, text, sizeof(text));
        return std::string(text) + " " + std::to_string(ntohs(ipv6.sin6_port));
    }
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, &address.storage, sizeof(ipv4));
    ::inet_ntop(AF_INET, &ipv4.sin_addr, text, sizeof(text));
    return std::string(text) + " " + std::to_string(ntohs(ipv4.sin_port));
}

std::string first_line(std::string_view request) {
    return std::string(request.substr(0, request.find("\r\n")));
}

} // namespace

TEST_CASE("a URL with {id}", "[flood_target]") {
    Result<FloodTarget> target = FloodTarget::parse("http://127.0.0.1:8000/test/{id}?x=1");
    REQUIRE(target.ok());
    CHECK(text_of(target.value().address()) == "127.0.0.1 8000");
    const std::string request(target.value().request(123));
    CHECK(request.starts_with("GET /test/123?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"));
    CHECK(request.ends_with("\r\n\r\n"));
    CHECK(first_line(target.value().request(9)) == "GET /test/9?x=1 HTTP/1.1");
}

TEST_CASE("a URL with {id} in several places", "[flood_target]") {
    Result<FloodTarget> target = FloodTarget::parse("http://127.0.0.1/{id}?id=a{id}&id={id}{id}");
    REQUIRE(target.ok());
    CHECK(first_line(target.value().request(12)) == "GET /12?id=a12&id=1212 HTTP/1.1");
    CHECK(first_line(target.value().request(3)) == "GET /3?id=a3&id=33 HTTP/1.1");
}

TEST_CASE("headers of the requests", "[flood_target]") {
    const std::string url = "http://127.0.0.1/{id}";
    Result<FloodTarget> plain = FloodTarget::parse(url);
    CHECK(plain.value().request(1).find("\r\nAccept: */*\r\n\r\n") != std::string::npos);
    Result<FloodTarget> target = FloodTarget::parse(url, {"TE: chunked", "X-A:"});
    REQUIRE(target.ok());
    CHECK(std::string(target.value().request(1))
              .ends_with("\r\nAccept: */*\r\nTE: chunked\r\nX-A:\r\n\r\n"));
    Result<FloodTarget> other = FloodTarget::parse(url, {"aCCept: text/event-stream"});
    CHECK(std::string(other.value().request(1)).ends_with("\r\naCCept: text/event-stream\r\n\r\n"));
    CHECK(other.value().request(1).find("*/*") == std::string::npos);
}

TEST_CASE("bad headers are named", "[flood_target]") {
    CHECK(why_no_header("Last-Event-ID: 1-2").empty());
    CHECK(why_no_header("x:y\t\xc3\xbc").empty());
    for (const std::string text :
         {"", "TE", ": x", "a b: c", "a\xc3: b", "A: b\r\nC: d", "A: \x7f"}) {
        INFO(text);
        CHECK_FALSE(why_no_header(text).empty());
    }
}

TEST_CASE("URLs without {id}, port or path; IPv6", "[flood_target]") {
    Result<FloodTarget> plain = FloodTarget::parse("http://127.0.0.1");
    REQUIRE(plain.ok());
    CHECK(text_of(plain.value().address()) == "127.0.0.1 80");
    CHECK(first_line(plain.value().request(5)) == "GET / HTTP/1.1");
    Result<FloodTarget> ipv6 = FloodTarget::parse("http://[::1]:81/a");
    REQUIRE(ipv6.ok());
    CHECK(text_of(ipv6.value().address()) == "::1 81");
    CHECK(ipv6.value().request(5).find("Host: [::1]:81\r\n") != std::string::npos);
}

TEST_CASE("a URL with https has another port, and TLS", "[flood_target]") {
    Result<FloodTarget> secure = FloodTarget::parse("https://127.0.0.1/a");
    REQUIRE(secure.ok());
    CHECK(secure.value().is_tls());
    CHECK(secure.value().host() == "127.0.0.1");
    CHECK(text_of(secure.value().address()) == "127.0.0.1 443");
    CHECK(text_of(FloodTarget::parse("https://[::1]:81").value().address()) == "::1 81");
    CHECK_FALSE(FloodTarget::parse("http://127.0.0.1/a").value().is_tls());
}

TEST_CASE("bad URLs are named", "[flood_target]") {
    const std::string url = GENERATE(values<std::string>({
        "",
        "127.0.0.1:8000/test",
        "ftp://127.0.0.1/",
        "http://",
        "http://:80/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:80/a b",
        "http://127.0.0.1:80/a\r\nX: y",
        "http://127.0.0.1:80/\xc3\xbc",
    }));
    INFO(url);
    const Result<FloodTarget> target = FloodTarget::parse(url);
    REQUIRE_FALSE(target.ok());
    CHECK_FALSE(target.error().text.empty());
}

TEST_CASE("source addresses: single, lists, ranges", "[flood_target]") {
    const auto sources = parse_source_addresses("127.0.0.2,127.0.0.254-127.0.1.1,::1");
    REQUIRE(sources.ok());
    std::string all;
    for (const net::SocketAddress& source : sources.value()) {
        all += text_of(source) + "; ";
    }
    CHECK(all == "127.0.0.2 0; 127.0.0.254 0; 127.0.0.255 0; 127.0.1.0 0; 127.0.1.1 0; ::1 0; ");
    CHECK(parse_source_addresses("255.255.255.255-255.255.255.255").value().size() == 1);
    CHECK(parse_source_addresses("127.0.0.0-127.0.255.255").value().size() == 65536);
}

TEST_CASE("bad source addresses are named", "[flood_target]") {
    const std::string text = GENERATE(values<std::string>({
        "",
        ",",
        "127.0.0.1,",
        "127.0.0",
        "127.0.0.256",
        "localhost",
        "127.0.0.2-",
        "-127.0.0.2",
        "127.0.0.3-127.0.0.2",
        "::1-::2",
        "127.0.0.0-127.1.0.0",
        "127.0.0.0-127.0.255.255,127.1.0.0",
        "0.0.0.0-255.255.255.255",
    }));
    INFO(text);
    CHECK_FALSE(parse_source_addresses(text).ok());
}

} // namespace flood_target_test
